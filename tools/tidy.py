#!/usr/bin/env python3
"""clang-tidy over what is installed and what is run, several sources a time.

Nearly all of clang-tidy's time goes to the headers of the standard library, which each source has again. So sources that
share no local name are included one after the other into one, which clang-tidy reads as a whole. Where that does not
compile each is read alone: the answer never depends on how they were put together.

usage: tidy.py BUILD [FILE...]    BUILD has compile_commands.json; exit code 1 when something is found
"""
import concurrent.futures
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


def main(build, *only):
    commands = {pathlib.Path(c["file"]): c for c in json.loads(pathlib.Path(build, "compile_commands.json").read_text())}
    sources = sorted(s for s in commands if s.is_relative_to(TREE) and s.relative_to(TREE).parts[0] in ("src", "cli")
                     and not re.search(r"_(test|bench|fuzz)\.cpp$", s.name) and (not only or str(s.relative_to(TREE)) in only))
    if not sources:
        sys.exit("tidy: no sources")
    found = alone = 0
    with tempfile.TemporaryDirectory() as place, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        place = pathlib.Path(place)
        (place / "all").symlink_to(pathlib.Path(build).resolve())
        for code, text, apart in pool.map(lambda b: read_batch(place, commands, *b), enumerate(batches(sources))):
            sys.stdout.write(text)
            found += code != 0
            alone += apart
    print(f"tidy: {len(sources)} sources, {alone} batches read a source at a time", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
