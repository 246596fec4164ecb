#!/usr/bin/env python3
"""Publishers, work queues and requests over unix:, in two processes, beside ZeroMQ's and nng's over ipc://; over shm:, beside the ring they stand on.

Each row is measured in every round next to what it is compared with, the rows in another order each round; a row's
ratio is the median over the rounds, "+-" half the distance between its quartiles. Throughput is counted where it
arrives. Paced: 10,000 messages a second, from before one is sent until it is in the receiver's hands. nng's pub drops
what its queues do not hold, and what is dropped is not counted; the others hold the sender up. ZeroMQ's and nng's
queues know no job that comes again: theirs is a message, ours a job that was said to be done.

Those that are not installed (./dev setup --peers) are said. --uri measures ours over another means ("shm:bench").
"""
import itertools
import json
import os
import statistics
import subprocess
import sys

import report

PATIENCE = 120  # of one measurement, in seconds
OURS = "wye_pattern_bench"


class Trouble(Exception):
    pass


def measure(directory, program, case):
    try:
        done = subprocess.run([directory / program, *case.split()], capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise Trouble(f"{program} {case}: no end") from None
    if done.returncode != 0:
        raise Trouble(f"{program} {case}: {(done.stderr.strip().splitlines() or ['exit code ' + str(done.returncode)])[-1]}")
    return json.loads(done.stdout)


class Row:
    """`better(ours, theirs)` is the ratio, and `holds(ratio)` whether the aim is met."""

    def __init__(self, name, ours, theirs, key, better, holds, aim):
        self.name, self.ours, self.theirs, self.key = name, ours, theirs, key
        self.better, self.holds, self.aim = better, holds, aim
        self.rounds = []

    def one(self, directory):
        a, b = measure(directory, *self.ours), measure(directory, *self.theirs)
        self.rounds.append((a[self.key], b[self.key], self.better(a[self.key], b[self.key])))

    def figures(self):
        ours, theirs, ratios = zip(*self.rounds)
        return statistics.median(ours), statistics.median(theirs), statistics.median(ratios), report.spread(ratios)


class Share:
    def __init__(self, name, case, key, most):
        self.name, self.ours, self.key, self.aim = name, (OURS, case), key, f"<= {most}"
        self.holds = lambda r: r <= most
        self.rounds = []

    def one(self, directory):
        self.rounds.append(measure(directory, *self.ours)[self.key])

    def figures(self):
        return statistics.median(self.rounds), 1, statistics.median(self.rounds), report.spread(self.rounds)


def rows(o):
    where = f" uri={o.uri}" if o.uri else ""
    where += f" listen={o.listen}" if o.listen else ""
    peers = [p for p in ("zeromq", "nng") if (o.program.parent / f"peers/wye-peer-{p}").exists()]
    for p in {"zeromq", "nng"} - set(peers):
        print(f"no {p} here (./dev setup --peers)", file=sys.stderr)
    all_rows = []
    for pattern, size, peer in itertools.product(("pub", "queue"), (64, 4096), peers):
        case = f"bytes={size} pattern={pattern} pinned=0"
        them = f"peers/wye-peer-{peer}"
        name = f"{'pub-sub' if pattern == 'pub' else 'work queue'}, {size} B, beside {peer}"
        all_rows.append(Row(name + ", M/s", (OURS, "flow " + case + where), (them, "flow " + case), "M/s",
                            lambda a, b: a / b, lambda r: r >= 2, ">= 2 times"))
        for key in ("p50", "p99"):
            all_rows.append(Row(f"{name}, paced, {key} ns", (OURS, "paced n=10000 " + case + where), (them, "paced n=10000 " + case), key,
                                lambda a, b: a / b, lambda r: r < 1, "< 1"))
    for pattern, size in itertools.product(("pub", "queue"), (64, 4096)):
        name = f"{'pub-sub' if pattern == 'pub' else 'work queue'}, {size} B, shm: beside the bare ring"
        where_ring = f" bytes={size} pattern={pattern} uri=shm:wye-bench-{os.getpid()}-{pattern}"
        for way, key, what, times in (("turns", "ns", "one thread, ns", lambda a, b: a / b), ("flow parts=20", "M/s", "two processes, M/s", lambda a, b: b / a)):
            case = way + where_ring
            all_rows.append(Row(f"{name}, {what}", (OURS, case), (OURS, case + " bare=1"), key, times, lambda r: r <= 1.15, "<= 1.15"))
    for pinned, what in ((1, "two processors"), (0, "as the system places them")):
        all_rows.append(Row(f"request, 64 B, beside bare seqpacket, {what}, ns", (OURS, f"call pinned={pinned}" + where),
                            (OURS, f"bare pinned={pinned}"), "p50", lambda a, b: a / b, lambda r: r <= 1.1, "<= 1.1"))
    all_rows.append(Share("four equal workers: most jobs / least", "share pinned=0" + where, "most/least", 1.2))
    all_rows.append(Share("one ten times slower: time / ideal", "share pinned=0 slower=10" + where, "all", 1.1))
    return all_rows


def main():
    p = report.options(__doc__, 5, "bench/" + OURS)
    p.add_argument("--uri", help="where ours connects")
    p.add_argument("--listen", help="where ours listens, if that is said otherwise than by ?listen")
    p.add_argument("--only", default="", metavar="WORD", help="rows whose name has it")
    o = report.parse(p)
    table = [r for r in rows(o) if o.only in r.name]
    for number in range(o.repetitions):
        for row in table[number % len(table):] + table[:number % len(table)]:
            row.one(o.program.parent)
        print(f"round {number + 1} of {o.repetitions}", file=sys.stderr)
    print("| what | ours | theirs | ratio | +- | aim | |\n|---|---|---|---|---|---|---|")
    found = []
    for row in table:
        ours, theirs, ratio, spread = row.figures()
        holds = row.holds(ratio)
        print(f"| {row.name} | {ours:.4g} | {theirs:.4g} | {ratio:.2f} | {spread:.2f} | {row.aim} | {'' if holds else 'misses'} |")
        found.append({"name": row.name, "ours": ours, "theirs": theirs, "ratio": ratio, "spread": spread, "aim": row.aim,
                      "holds": holds})
    report.write(o, "wye-bench-patterns/1", found)


if __name__ == "__main__":
    try:
        main()
    except Trouble as t:
        sys.exit(f"patterns: {t}")
