#!/usr/bin/env python3
"""usage: run.py [WORD...]   Builds each fault of faults.txt into a copy of the sources: a test must notice it.

WORD: only those whose title has it, or whose tests are in the program of that name. The copy lies in build/mutants and is built anew where it changed. The tests run in
namespaces of their own, for what a faulty library leaves behind or locks is nobody else's business. First everything
runs without a fault: a test that fails then, or is skipped, would prove nothing.
"""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
COPY = TOP / "build/mutants"
PATIENCE = 120  # seconds: a test that hangs has noticed, too


def faults():
    """(title, [(file, old, new)], program, filter) of each block of faults.txt."""
    for block in re.split(r"\n\s*\n", (HERE / "faults.txt").read_text()):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        if not lines:
            continue
        changes, file, test = [], None, None
        for line in lines[1:]:
            mark, rest = line[0], line[2:]
            if mark == "@":
                file = rest
            elif mark == "-":
                changes.append([file, rest, ""])
            elif mark == "+":
                changes[-1][2] = rest
            elif mark == "?":
                test = rest.split()
        yield lines[0], changes, *test


def copy_sources():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=TOP, check=True, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        source, copy = TOP / name, COPY / name
        if not source.is_file() or (copy.exists() and copy.read_bytes() == source.read_bytes()):
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, copy)


def build(program):
    env = os.environ | {"WYE_LAUNCHER": shutil.which("ccache") or "", "CCACHE_BASEDIR": str(COPY), "CCACHE_NOHASHDIR": "1"}
    if not (COPY / "build/release/build.ninja").exists():
        subprocess.run(["cmake", "--preset", "release"], cwd=COPY, env=env, check=True, stdout=subprocess.DEVNULL)
    made = subprocess.run(["cmake", "--build", "build/release", "--target", program], cwd=COPY, env=env, capture_output=True, text=True)
    return None if made.returncode == 0 else made.stdout[-3000:] + made.stderr


def run(program, wanted):
    """(what was noticed or None, how many tests held)."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    inside = f"mount -t tmpfs none /dev/shm && exec build/release/tests/{program} --gtest_filter='{wanted}'"
    command = ["unshare", *user, "--ipc", "--pid", "--fork", "--mount", "--mount-proc", "--kill-child", "sh", "-c", inside]
    try:
        done = subprocess.run(command, cwd=COPY, capture_output=True, text=True, errors="replace", timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return "hangs", 0
    held = len(re.findall(r"^\[       OK \] ", done.stdout, re.M))
    if found := re.search(r"\[  FAILED  \] (\S+)", done.stdout):
        return found.group(1), held
    return (f"ends with {done.returncode}" if done.returncode else None), held


def apply(changes):
    for file, old, new in changes:
        path = COPY / file
        text = path.read_text()
        if old not in text:
            sys.exit(f"{file} has no longer: {old}")
        path.write_text(text.replace(old, new))


def main():
    chosen = [f for f in faults() if not sys.argv[1:] or any(word in f[0] or word == f[2] for word in sys.argv[1:])]
    copy_sources()
    for program in sorted({f[2] for f in chosen}):
        if wrong := build(program):
            sys.exit(wrong)
    usable = []
    for title, changes, program, wanted in chosen:
        said, held = run(program, wanted)
        if said or held == 0:
            print(f"{title}: without the fault already: {said or 'nothing is run'}", flush=True)
        else:
            usable.append((title, changes, program, wanted))
    caught = 0
    for title, changes, program, wanted in usable:
        apply(changes)
        try:
            wrong = build(program)
            said = None if wrong else run(program, wanted)[0]
        finally:
            copy_sources()
        caught += said is not None
        missed = "does not build: " + wrong if wrong else "NOT CAUGHT by " + wanted
        print(f"{title}: {'caught: ' + said if said else missed}", flush=True)
    print(f"{caught} of {len(usable)} caught; {len(chosen) - len(usable)} could not be tried")
    return 0 if caught == len(usable) else 1


if __name__ == "__main__":
    sys.exit(main())
