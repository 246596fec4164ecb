#!/usr/bin/env python3
"""clang-tidy over what is installed and what is run, several sources a time.

Nearly all of clang-tidy's time goes to the headers of the standard library, which each source has again. So sources are
included one after the other into one, which clang-tidy reads as a whole. Where an earlier one has a local name of a
later one's, the later is a copy with another name for it, which findings do not show (their columns may be behind by its
length); names that cannot be told apart by their looks keep their sources apart. Where a batch does not compile each of
it is read alone: the answer never depends on how they were put together.

What was found clean is not read again while nothing of it has changed: neither the source and the headers of this tree
that it includes (as build/asan has them, else all is read), nor any public header, how it is compiled, the checks, and the
versions of clang-tidy and of the standard library. That is kept in ~/.cache/wye-tidy ($XDG_CACHE_HOME), a name for each; WYE_TIDY_CACHE= switches it off.

usage: tidy.py BUILD [FILE...]    BUILD has compile_commands.json; exit code 1 when something is found
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parent.parent
MOST = 24  # sources of a batch
# What another's headers would give a second meaning here: seen when these were put together.
ALONE = {"cli/advise_text.cpp", "src/measure/trace.cpp", "src/os/sandbox.cpp", "src/os/syscall.cpp"}
WORD = r"[A-Za-z_]\w*"
TYPE = re.compile(rf"(?:struct|class|enum(?:\s+class)?|union|using|concept)\s+({WORD})(?!:)\b")
FIRST = re.compile(rf"({WORD})\s*([(={{;\[])")
NEXT = re.compile(rf",\s*({WORD})\s*(?==)")
NO_NAME = {"noexcept", "alignas", "decltype", "sizeof", "requires", "operator", "return", "static_assert", "namespace"}


def names_of(line):
    """What a line that starts at its first column says the name of."""
    if line.startswith(("using namespace", "template", "namespace", "#", "//", "}")) or not line[:1].strip():
        return set()
    if of := TYPE.match(line):
        return {of[1]}
    first = next((m for m in FIRST.finditer(line) if m[1] not in NO_NAME), None)
    return set() if not first else {first[1]} | (set(NEXT.findall(line[first.end():])) if first[2] != "(" else set())


def local_names(text):
    """What a source has for itself: what stands in a namespace without a name, or is static."""
    names, inside = set(), False
    for line in text.splitlines():
        if line.startswith("namespace {"):
            inside = True
        elif line.startswith("}  // namespace"):
            inside = False
        elif inside or line.startswith("static "):
            names |= names_of(line)
    return names


class Source:
    """One to be read together with others, where none of them takes the other's names for its own."""

    def __init__(self, path, flags, in_headers):
        text = path.read_text()
        self.path, self.flags = path, flags
        plain = re.sub(r'//.*|"(?:[^"\\\n]|\\.)*"', "", text)
        self.words = set(re.findall(rf"(?<![\w.:])(?<!->)({WORD})", plain))  # that could mean a name of the namespace
        self.macros = set(re.findall(rf"^#define ({WORD})", text, re.MULTILINE))
        # So does one that takes others' names for its own.
        self.alone = str(path.relative_to(TREE)) in ALONE or re.search(r"^using namespace (?!std::\w*literals)", text, re.MULTILINE)
        self.names = local_names(text)
        # These must keep their names: members have them, too.
        self.fixed = self.names & set(re.findall(rf"(?:[\w)\]](?:\.|->)|(?<!std)(?<=\w)::)({WORD})", plain))
        # What a header has, too, which another source may mean.
        self.hides = self.names & in_headers

    def goes_with(self, other):
        return self.flags == other.flags and not (
            self.alone or other.alone or self.macros & other.macros or self.fixed & other.names
            or self.hides & (other.words - other.names) or other.hides & (self.words - self.names))


def batches(commands, paths):
    in_headers = {n for top in ("include", "src", "cli") for h in (TREE / top).rglob("*.hpp")
                  for line in h.read_text().splitlines() for n in names_of(line)}
    made = []
    for path in paths:
        source = Source(path, re.sub(r" -o .*", "", commands[path]["command"]), in_headers)
        batch = next((b for b in made if len(b) < MOST and all(source.goes_with(o) for o in b)), None)
        if batch is None:
            made.append(batch := [])
        batch.append(source)
    return [[s.path for s in b] for b in made]


def renamed(source, names, number):
    """Its text with other names for what an earlier source of the batch has, too; what is a member's keeps its name."""
    word = re.compile(rf"(?<![\w.])(?<!->)(?<!::)({'|'.join(map(re.escape, sorted(names)))})(?!\w)")
    return "".join(line if line.startswith("#") else word.sub(rf"\g<1>_of{number}x", line)
                   for line in source.read_text().splitlines(keepends=True))


def tidy(build, files):
    run = subprocess.run(["clang-tidy-19", "-p", build, "--quiet", "--use-color=false", *map(str, files)], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, cwd=TREE, check=False)
    return run.returncode, run.stdout


def write_batch(place, sources):
    """The source that includes them all, each as it is or, where an earlier one has one of its names, with other names."""
    taken, lines = set(), []
    for number, source in enumerate(sources):
        names = local_names(source.read_text())
        copy = place / source.relative_to(TREE)
        if names & taken:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(renamed(source, names & taken, number))
        lines.append(f'#include "{copy if names & taken else source}"  // NOLINT(bugprone-suspicious-include)\n')
        taken |= names
    whole = place / "batch.cpp"
    whole.write_text("".join(lines))
    return whole


def read_batch(place, commands, number, sources):
    """(what was found, whether each had to be read alone)"""
    if len(sources) > 1:
        one, here = commands[sources[0]], place / str(number)
        here.mkdir()
        whole = write_batch(here, sources)
        beside = "".join(f" -iquote {d}" for d in sorted({s.parent for s in sources}))
        command = one["command"].replace(f" -c {one['file']}", f"{beside} -Wno-shadow -c {whole}")
        (here / "compile_commands.json").write_text(
            json.dumps([{"directory": one["directory"], "command": command, "file": str(whole)}]))
        (here / ".clang-tidy").write_text((TREE / ".clang-tidy").read_text())
        code, text = tidy(here, [whole])
        if "[clang-diagnostic-" not in text:  # an error, or a name that one source hides of another
            return code, re.sub(rf"({WORD}?)_of\d+x\b", r"\1", text.replace(str(here), str(TREE))), False
    code, text = tidy(place / "all", sources)
    return code, text, len(sources) > 1


class Clean:
    """What is known to be clean, by everything that it depends on."""

    def __init__(self, build, commands):
        self.place = None
        where = os.environ.get("WYE_TIDY_CACHE", os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "wye-tidy"))
        built = pathlib.Path(build).resolve().parent / "asan"
        deps = subprocess.run(["ninja", "-C", str(built), "-t", "deps"], capture_output=True, text=True, check=False).stdout
        if not where or not deps:
            return
        self.place = pathlib.Path(where)
        self.place.mkdir(parents=True, exist_ok=True)
        version = subprocess.run(["clang-tidy-19", "--version"], capture_output=True, text=True, check=False).stdout
        library = "".join(f"{p} {p.stat().st_size}" for p in sorted(pathlib.Path("/usr/include/c++").glob("*/*")) if p.is_file())
        self.commands, self.files, self.headers = commands, {}, {}
        # What a precompiled header has is not told for each source.
        public = "".join(self.text(f) for f in [*sorted((TREE / "include").rglob("*.hpp")), TREE / "cli/command.hpp"])
        self.base = version + library + public + (TREE / ".clang-tidy").read_text()
        for block in deps.split("\n\n"):
            of = [(built / line.strip()).resolve() for line in block.splitlines()[1:]]
            ours = [f for f in of if f.is_relative_to(TREE) and not f.is_relative_to(built)]
            for source in (f for f in ours if f in commands):
                self.headers[source] = ours

    def text(self, file):
        if file not in self.files:
            self.files[file] = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""
        return self.files[file]

    def name(self, source):
        if self.place is None or source not in self.headers:
            return None
        command = self.commands[source]["command"].replace(str(TREE), "")
        parts = [self.base, command, *(f"{f.relative_to(TREE)} {self.text(f)}" for f in sorted(set(self.headers[source])))]
        return self.place / hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def has(self, source):
        name = self.name(source)
        return name is not None and name.exists()

    def keep(self, sources):
        for name in filter(None, map(self.name, sources)):
            name.touch()


def main(build, *only):
    commands = {pathlib.Path(c["file"]): c for c in json.loads(pathlib.Path(build, "compile_commands.json").read_text())}
    sources = sorted(s for s in commands if s.is_relative_to(TREE) and s.relative_to(TREE).parts[0] in ("src", "cli")
                     and not re.search(r"_(test|bench|fuzz)\.cpp$", s.name) and (not only or str(s.relative_to(TREE)) in only))
    if not sources:
        sys.exit("tidy: no sources")
    clean = Clean(build, commands)
    unread = [s for s in sources if not clean.has(s)]
    found = alone = 0
    with tempfile.TemporaryDirectory() as place, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        place = pathlib.Path(place)
        (place / "all").symlink_to(pathlib.Path(build).resolve())
        made = batches(commands, unread)
        for batch, (code, text, apart) in zip(made, pool.map(lambda b: read_batch(place, commands, *b), enumerate(made))):
            sys.stdout.write(text)
            found += code != 0
            alone += apart
            if code == 0:
                clean.keep(batch)
    print(f"tidy: {len(sources)} sources, {len(sources) - len(unread)} known to be clean, {alone} batches read a source at a time",
          file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
