#!/usr/bin/env python3
"""clang-tidy over what is installed and what is run, several sources a time.

Nearly all of clang-tidy's time goes to the headers of the standard library, which each source has again. So sources that
share no local name are included one after the other into one, which clang-tidy reads as a whole. Where that does not
compile each is read alone: the answer never depends on how they were put together.

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
MOST = 12  # sources of a batch
LOCAL = re.compile(r"(?:struct|class|enum|union|using|namespace|concept)\s+(?:class\s+)?(\w+)|(\w+)\s*(?:\(|=|\{|;|\[)")


def local_names(source):
    """What stands at the start of a line in a namespace without a name, or is static, or a macro: two sources of one batch
    must not both have it."""
    names, inside = set(), False
    for line in source.read_text().splitlines():
        if line.startswith("namespace {"):
            inside = True
        elif line.startswith("}  // namespace"):
            inside = False
        elif line.startswith("#define "):
            names.add(line.split()[1].split("(")[0])
        elif line.startswith(("static ", "using ")) or (inside and re.match(r"[A-Za-z\[]", line)):
            names |= {a or b for a, b in LOCAL.findall(line)[:3]}
    return names


def batches(sources):
    made = []
    for source in sources:
        names = local_names(source)
        top = source.relative_to(TREE).parts[0]
        for batch in made:
            if batch["top"] == top and len(batch["sources"]) < MOST and not batch["names"] & names:
                break
        else:
            batch = {"top": top, "names": set(), "sources": []}
            made.append(batch)
        batch["names"] |= names
        batch["sources"].append(source)
    return [b["sources"] for b in made]


def tidy(build, files):
    run = subprocess.run(["clang-tidy-19", "-p", build, "--quiet", "--use-color=false", *map(str, files)], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, cwd=TREE, check=False)
    return run.returncode, run.stdout


def read_batch(place, commands, number, sources):
    """(what was found, whether each had to be read alone)"""
    if len(sources) > 1:
        one = commands[sources[0]]
        whole = place / str(number) / "batch.cpp"
        whole.parent.mkdir()
        whole.write_text("".join(f'#include "{s}"  // NOLINT(bugprone-suspicious-include)\n' for s in sources))
        command = one["command"].replace(one["file"], str(whole))
        (whole.parent / "compile_commands.json").write_text(
            json.dumps([{"directory": one["directory"], "command": command, "file": str(whole)}]))
        (whole.parent / ".clang-tidy").write_text((TREE / ".clang-tidy").read_text())
        code, text = tidy(whole.parent, [whole])
        if "[clang-diagnostic-" not in text:  # an error, or a name that one source hides of another
            return code, text, False
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
        made = batches(unread)
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
