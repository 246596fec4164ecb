#!/usr/bin/env python3
"""The ring (shm:) against what the machine gives, and beside others' means, in two processes on two processors.

Each row is measured in every round next to the floor it is compared with, the rows in another order each round; a row's
ratio is the median over the rounds, "+-" half the distance between its quartiles. F: a cache line to and fro, one way,
the better of spinning with and without `pause`. W: a raw futex wake, from before it until the sleeper runs. Throughput
must be what a prototype had where F was 52 ns, in proportion to F.

--others adds the other means: one way for 48 B and 4 KiB, messages a second of 8 and 48 B. Those that are not
installed (./dev setup --peers) are said.
"""
import json
import statistics
import subprocess
import sys

import report

PATIENCE = 60  # of one measurement, in seconds
OURS = "wye_ring_bench"
PARTS = ("p50", "p90", "p99", "p99.9", "p99.99")


class Trouble(Exception):
    pass


def measure(directory, program, case):
    """What one run of a program says, as a dict."""
    try:
        done = subprocess.run([directory / program, *case.split()], capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise Trouble(f"{program} {case}: no end") from None
    if done.returncode != 0:
        raise Trouble(f"{program} {case}: {(done.stderr.strip().splitlines() or ['exit code ' + str(done.returncode)])[-1]}")
    return json.loads(done.stdout)


# ---------------------------------------------------------------- ours against the machine

def of_f(found):
    return min(found["floor"]["p50"], found["floor-pause"]["p50"])


class Row:
    """`cases`: what is measured, the first is ours. `judge(found)` answers ours, what it is compared with, and the ratio."""

    def __init__(self, name, cases, judge, aim, holds, unit="ns"):
        self.name, self.cases, self.judge, self.aim, self.holds, self.unit = name, cases, judge, aim, holds, unit
        self.rounds, self.found = [], []


F = {"floor": "floor n=6000", "floor-pause": "floor-pause n=6000"}


def times_f(name, case, most):
    return Row(name, {"ours": case, **F}, lambda d: (d["ours"]["p50"], of_f(d), d["ours"]["p50"] / of_f(d)),
               f"<= {most} F", lambda r: r <= most)


def against(name, ours, floor, most, what):
    return Row(name, {"ours": ours, "floor": floor},
               lambda d: (d["ours"]["p50"], d["floor"]["p50"], d["ours"]["p50"] / d["floor"]["p50"]),
               f"<= {most} {what}", lambda r: r <= most)


def rate(name, case, prototype):
    def judge(d):
        needed = prototype * 52 / of_f(d)
        return d["ours"]["M/s"], needed, d["ours"]["M/s"] / needed
    return Row(name, {"ours": case, **F}, judge, f">= {prototype} M/s at F = 52 ns", lambda r: r >= 1, "M/s")


def more(name, ours, floor, most):
    """In nanoseconds more, not a ratio."""
    return Row(name, {"ours": ours, "floor": floor},
               lambda d: (d["ours"]["ns"], d["floor"]["ns"], d["ours"]["ns"] - d["floor"]["ns"]),
               f"+ {most} ns", lambda r: r <= most)


def fan(subscribers):
    return Row(f"publish to {subscribers}, as to 1", {"ours": f"publish subscribers={subscribers}", "floor": "publish subscribers=1"},
               lambda d: (d["ours"]["ns"], d["floor"]["ns"], d["ours"]["ns"] / d["floor"]["ns"]), "<= 1.2", lambda r: r <= 1.2)


def queue(name, more_of_it):
    return Row(name, {"ours": f"queue {more_of_it}", "floor": f"lanes {more_of_it}"},
               lambda d: (d["ours"]["M/s"], d["floor"]["M/s"], d["ours"]["M/s"] / d["floor"]["M/s"]), ">= 0.8 lanes",
               lambda r: r >= 0.8, "M/s")


def idle(name, key, most, wait):
    return Row(name, {"ours": f"idle seconds=1 wait={wait}"}, lambda d: (d["ours"][key], most, d["ours"][key]), f"<= {most}",
               lambda r: r <= most, {"KiB": "KiB", "wakes": "/s"}[key])


def rows():
    return [
        times_f("8 B, poll", "pingpong bytes=8 n=6000", 1.1),
        times_f("48 B, poll", "pingpong bytes=48 n=6000", 1.1),
        times_f("48 B, poll, unpinned", "pingpong bytes=48 n=6000 pinned=0", 1.1),
        against("4 KiB, poll", "pingpong bytes=4096 n=3000", "floor-copy bytes=4096 n=3000", 1.15, "raw hand-over"),
        against("1 MiB, poll", "pingpong bytes=1048576 n=100", "floor-copy bytes=1048576 n=100", 1.15, "raw hand-over"),
        times_f("loan of 4 MiB, not touched", "loan n=6000", 2.2),
        rate("8 B, one by one", "flow bytes=8", 110),
        rate("48 B, one by one", "flow bytes=48", 90),
        rate("8 B, batches of 64", "batches bytes=8", 150),
        rate("48 B, batches of 64", "batches bytes=48", 150),
        fan(10),
        fan(100),
        more("publish while nobody sleeps", "publish subscribers=1", "publish-bare", 2),
        against("48 B, wake", "wake bytes=8 wait=block n=300", "floor-wake n=300", 1.05, "W"),
        against("48 B, wake, unpinned", "wake bytes=8 wait=block n=300 pinned=0", "floor-wake n=300 pinned=0", 1.05, "W"),
        queue("queue, 1 and 1", "sides=1 batch=1"),
        queue("queue, 2 and 2", "sides=2 batch=1"),
        queue("queue, 1 and 1, batches of 32", "sides=1 batch=32"),
        queue("queue, 2 and 2, batches of 32", "sides=2 batch=32"),
        more("Channel, there and back", "erased", "concrete", 5),
    ]


def rest():
    """Once: they take seconds, and do not waver."""
    return [idle("1,000 idle channels, poll(2)", "wakes", 0, "poll"), idle("1,000 idle channels, recv()", "wakes", 0, "block"),
            idle("a channel's pages", "KiB", 128, "poll")]


def turns(items, number):
    """In another order each round, each first once in a while, and each half of the rounds backwards."""
    at = number % max(len(items), 1)
    turned = items[at:] + items[:at]
    return turned[::-1] if number % 2 else turned


def measure_rows(o, all_rows, repetitions):
    for number in range(repetitions):
        for row in turns(all_rows, number):
            found = {key: measure(o.program.parent, OURS, case) for key, case in turns(list(row.cases.items()), number)}
            row.rounds.append(row.judge(found))
            row.found.append(found["ours"])
        say(f"round {number + 1} of {repetitions}")


def say(text):
    if sys.stderr.isatty():
        print(f"\r{text} ", end="", file=sys.stderr, flush=True)


def result_of(row):
    ours, floor, ratio = (statistics.median(r[i] for r in row.rounds) for i in range(3))
    parts = {p: statistics.median(f[p] for f in row.found) for p in PARTS if p in row.found[0]}
    return {"row": row.name, "unit": row.unit, "ours": ours, "against": floor, "ratio": ratio,
            "spread": report.spread([r[2] for r in row.rounds]), "aim": row.aim, "holds": row.holds(ratio), **parts}


def print_rows(results):
    print(f"{'row':<30} {'ours':>10} {'against':>10} {'unit':<4} {'ratio':>7} {'+-':>6}  {'aim':<26} {'holds':<5}"
          f" {'p90':>9} {'p99':>9} {'p99.9':>9} {'p99.99':>9}")
    for r in results:
        tail = " ".join(f"{r[p]:>9.0f}" for p in PARTS[1:]) if "p90" in r else ""
        print(f"{r['row']:<30} {r['ours']:>10.2f} {r['against']:>10.2f} {r['unit']:<4} {r['ratio']:>7.3f} {r['spread']:>6.3f}"
              f"  {r['aim']:<26} {'yes' if r['holds'] else 'NO':<5} {tail}".rstrip())


# ---------------------------------------------------------------- beside others

OTHERS = [("raw cache line", OURS, "", ("poll",)), ("shm:", OURS, "", ("poll", "block")), ("iceoryx 2.0", "iceoryx", "", ("poll", "block")),
          ("Boost message_queue", "boost", "", ("poll", "block")), ("ZeroMQ ipc://", "zeromq", "", ("poll", "block")),
          ("nng ipc://", "nng", "", ("poll", "block")), ("pipe", "raw", "means=raw:pipe", ("block",)),
          ("Unix seqpacket", "raw", "means=raw:unix:seqpacket", ("block",)), ("POSIX queue", "raw", "means=raw:posix-mq", ("block",))]
WORK = {"48 B ns": ("pingpong bytes=48 n=1500", "p50"), "4 KiB ns": ("pingpong bytes=4096 n=1000", "p50"),
        "8 B M/s": ("flow bytes=8 part=2048 parts=24", "M/s"), "48 B M/s": ("flow bytes=48 part=2048 parts=24", "M/s")}


def others(o):
    ways = [(name, program, more, wait) for name, program, more, waits in OTHERS for wait in waits]
    found = {(name, wait): {w: [] for w in WORK} for name, _, _, wait in ways}
    percentiles = {way: [] for way in found}
    missing = {}
    for number in range(o.repetitions):
        for name, program, more, wait in turns(ways, number):
            if program != OURS:
                program = f"peers/wye-peer-{program}"
            if name in missing or not (o.program.parent / program).exists():
                missing.setdefault(name, "not installed (./dev setup --peers)")
                continue
            try:
                for work, (case, key) in WORK.items():
                    if name == "raw cache line":
                        if work == "48 B ns":
                            d = measure(o.program.parent, program, F["floor-pause"])
                        else:
                            continue
                    else:
                        d = measure(o.program.parent, program, f"{case} {more} wait={wait}")
                    found[name, wait][work].append(d[key])
                    if work == "48 B ns":
                        percentiles[name, wait].append(d)
            except Trouble as e:
                missing[name] = str(e)
        say(f"beside others: round {number + 1} of {o.repetitions}")
    return list(others_table(ways, found, percentiles, missing))


def others_table(ways, found, percentiles, missing):
    for name, _, _, wait in ways:
        if name in missing:
            yield {"means": name, "wait": wait, "missing": missing[name]}
            continue
        row = {"means": name, "wait": wait}
        row |= {w: statistics.median(v) for w, v in found[name, wait].items() if v}
        row |= {p: statistics.median(d[p] for d in percentiles[name, wait]) for p in PARTS}
        ours = found["shm:", wait]["48 B ns"]
        row["times ours"] = statistics.median(a / b for a, b in zip(found[name, wait]["48 B ns"], ours)) if ours else None
        yield row


def print_others(table):
    print(f"\n{'means':<20} {'wait':<6}" + "".join(f"{w:>11}" for w in WORK) + f" {'times ours':>11} " + "".join(f"{p:>11}" for p in PARTS[1:]))
    for r in table:
        if "missing" in r:
            print(f"{r['means']:<20} {r['wait']:<6} {r['missing']}")
            continue
        print(f"{r['means']:<20} {r['wait']:<6}" + "".join(f"{r[w]:>11.2f}" if w in r else f"{'':>11}" for w in WORK)
              + f" {r['times ours']:>11.2f} " + "".join(f"{r[p]:>11.0f}" for p in PARTS[1:]))


def main():
    p = report.options(__doc__, 15, f"bench/{OURS}")
    p.add_argument("--filter", metavar="TEXT", default="", help="only rows with TEXT in their names")
    p.add_argument("--others", action="store_true", help="beside others' means too")
    o = report.parse(p)
    if not any(o.filter in r.name for r in rows() + rest()):
        sys.exit(f"ring: no row has \"{o.filter}\" in its name")
    measured = [r for r in rows() if o.filter in r.name]
    once = [r for r in rest() if o.filter in r.name]
    try:
        measure_rows(o, measured, o.repetitions)
        measure_rows(o, once, 1)
        results = [result_of(r) for r in measured + once]
        say("\r" + " " * 40 + "\r")
        print_rows(results)
        beside = others(o) if o.others else []
        if beside:
            print_others(beside)
    except Trouble as e:
        sys.exit(f"ring: {e}")
    except KeyboardInterrupt:
        sys.exit(130)
    report.write(o, "wye.ring/1", results, others=beside)


if __name__ == "__main__":
    main()
