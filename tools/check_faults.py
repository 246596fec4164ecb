#!/usr/bin/env python3
"""Holds docs/faults.md to the truth: every row is there once, and every test that it names is in the sources.

Then what no source may have, a row each, because what it does is the fault.
"""
import re
import sys
from pathlib import Path

TOP = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
PAGE = TOP / "docs/faults.md"
ROWS = {"H": 8, "F": 9, "S": 8, "V": 10, "P": 13, "I": 10, "U": 11, "R": 14, "N": 7, "T": 2}
ELSEWHERE = {"U4", "U10", "U11"}  # the page's last sentence

NEVER = [  # the row, what must not stand there, and where it may: a trial of limits runs into them on purpose
    ("V2", r"\bSET(VAL|ALL)\b", "src/os/limits/ src/os/removal/"),  # a set that is brought back has no holder yet
    ("V7", r"\bMSG_NOERROR\b", ""),
    ("F1", r"\bF_SETLKW?\b", "src/os/limits/"),
    ("T1", r"\b(sem_timedwait|pthread_cond_\w+|pthread_mutex_timedlock|alarm|setitimer)\s*\(", ""),
    ("T1", r"\bsystem_clock::now\b", ""),
    ("T1", r"\bCLOCK_REALTIME\b", "src/os/snapshot/snapshot.cpp src/os/removal/ cli/"),  # what is shown, or written down
    ("S6", r"\b(SIGRTMIN|SIGRTMAX)\s*=|__SIGRTMIN", ""),
    ("S8", r"sigaction\s*\(\s*SIG(BUS|SEGV)", ""),
    ("I7", r"\b(popen|system)\s*\(", ""),
]


def tests():
    """Suite.name of every test, "file.bats: title", and the names of ctest."""
    for source in [*TOP.glob("src/**/*_test.cpp"), *TOP.glob("tests/**/*.cpp")]:
        for suite, name in re.findall(r"^\s*TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)", source.read_text(), re.M):
            yield f"{suite}.{name}"
    for script in [*TOP.glob("cli/*.bats"), *TOP.glob("tests/cli/*.bats")]:
        for title in re.findall(r'^@test "(.*)" \{', script.read_text(), re.M):
            yield f"{script.name}: {title}"
    for lists in TOP.glob("tests/**/CMakeLists.txt"):
        for name in re.findall(r"add_test\(NAME (\S+)", lists.read_text()):
            yield from [name.replace("${model}", m) for m in ("sleep", "queue")] if "${model}" in name else [name]


def without_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", "", text, flags=re.S)


def main():
    known, bad, seen = set(tests()), [], []
    for line in PAGE.read_text().splitlines():
        cells = [c.strip() for c in line.strip("|").split(" | ")]
        if not re.fullmatch(r"[A-Z]\d+", cells[0]):
            continue
        seen.append(cells[0])
        named = re.findall(r"`([^`]+)`", cells[-1])
        if len(cells) != 4 or not named:
            bad.append(f"{cells[0]}: names no test")
        bad += [f"{cells[0]}: there is no test {name}" for name in named if name not in known]
    wanted = {f"{letter}{n}" for letter, most in ROWS.items() for n in range(1, most + 1)} - ELSEWHERE
    bad += [f"{row}: is not on the page" for row in sorted(wanted - set(seen))]
    bad += [f"{row}: is there twice, or is no row" for row in sorted(r for r in set(seen) if seen.count(r) > 1 or r not in wanted)]
    for source in sorted(p for d in ("src", "include", "cli") for p in (TOP / d).glob("**/*.[ch]pp")):
        name = source.relative_to(TOP).as_posix()
        if re.search(r"_(test|bench|fuzz)\.cpp$", name):
            continue
        text = without_comments(source.read_text())
        for row, what, where in NEVER:
            if not any(name.startswith(place) for place in where.split()):
                bad += [f"{row}: {name} has {found.group(0)}" for found in re.finditer(what, text)]
    for line in bad:
        print(line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
