#!/usr/bin/env python3
"""What a message costs in instructions, in two builds side by side: fails only on what both runs of a pair show.

usage: regress.py BEFORE/bin/wye AFTER/bin/wye [--means shm,unix,...] [--percent 3]

Each means sends itself messages in one process (`alone`, so that nobody waits and nothing is a matter of time), once so
many and once three times as many; the difference is the messages'. Counted by `perf stat -e instructions:u` where the
machine counts, else by valgrind's callgrind. A pair is run again before it is called a regression. Exit code 1: one was
found; 2: nothing could be counted.
"""
import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile

MEANS = "shm,shm:broadcast,shm:queue,unix,unix:seqpacket,unix:dgram,tcp,udp,posix-mq,sysv-mq,file,shm-sem,sysv-sem,posix-sem"
FEW, MANY = 2000, 6000


def by_perf(argv):
    p = subprocess.run(["perf", "stat", "-x,", "-e", "instructions:u", *argv], capture_output=True, text=True, timeout=120)
    found = re.search(r"^(\d+),[^,]*,instructions", p.stderr, re.M)
    return int(found.group(1)) if p.returncode == 0 and found else None


def by_callgrind(argv):
    p = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *argv], capture_output=True, text=True,
                       timeout=300)
    found = re.search(r"Collected\s*:\s*(\d+)", p.stderr)
    return int(found.group(1)) if p.returncode == 0 and found else None


def counter():
    if shutil.which("perf") and by_perf(["true"]):
        return "perf stat", by_perf
    if shutil.which("valgrind") and by_callgrind(["true"]):
        return "callgrind", by_callgrind
    return None, None


def a_message(count, wye, means, directory):
    all = []
    for n in (FEW, MANY):
        work = {"means": means, "workload": "alone", "size": 64, "messages": n}
        got = count([wye, "__measure", "--directory", directory, "run", json.dumps(work)])
        if got is None:
            return None
        all.append(got)
    return (all[1] - all[0]) / (MANY - FEW)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("before")
    a.add_argument("after")
    a.add_argument("--means", default=MEANS)
    a.add_argument("--percent", type=float, default=3)
    a = a.parse_args()
    name, count = counter()
    if not count:
        print("neither perf's counters nor valgrind are here: apt-get install valgrind")
        return 2
    worse, seen = [], 0
    print(f"instructions a message of 64 bytes, sent and received, by {name}\n{'':16} {'before':>9} {'after':>9}")
    with tempfile.TemporaryDirectory() as directory:
        for means in a.means.split(","):
            for attempt in range(2):
                # The order changes: nobody always comes second.
                first, second = (a.before, a.after) if attempt == 0 else (a.after, a.before)
                pair = {w: a_message(count, w, means, directory) for w in (first, second)}
                b, n = pair[a.before], pair[a.after]
                bad = b and n and n > b * (1 + a.percent / 100) + 5
                if not bad:
                    break
            if b is None or n is None:
                print(f"{means:16} {'-' if b is None else f'{b:.0f}':>9} {'-' if n is None else f'{n:.0f}':>9}  could not be run")
                continue
            seen += 1
            print(f"{means:16} {b:9.0f} {n:9.0f}  {(n / b - 1) * 100:+5.1f} %{'  WORSE' if bad else ''}", flush=True)
            if bad:
                worse.append(means)
    if worse:
        print(f"worse by more than {a.percent:g} %, twice: {', '.join(worse)}")
    return 1 if worse else 0 if seen else 2


if __name__ == "__main__":
    sys.exit(main())
