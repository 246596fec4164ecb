#!/usr/bin/env python3
"""wye against bare system calls, as ratios of one run: raw and ours take turns in random order, so that what the machine does
besides slows both.

The table gives medians over the repetitions; "ratio" is wye/raw, "+-" half the distance between its quartiles over the
repetitions, "channel adds" what the virtual call of a Channel costs over the concrete class.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(program, repetitions, pattern):
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [program, "--benchmark_enable_random_interleaving=true", f"--benchmark_repetitions={repetitions}",
                   "--benchmark_format=json", f"--benchmark_out={out.name}", "--benchmark_out_format=json", "--benchmark_min_time=0.05"]
        if pattern:
            command.append(f"--benchmark_filter={pattern}")
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"ratios: {program}: exit code {done.returncode}\n{done.stderr}")
        text = pathlib.Path(out.name).read_text()
    return json.loads(text) if text.strip() else {"benchmarks": []}


def times(report):
    """{("pipe", 64): {"raw": [ns...], "wye": [...], "channel": [...]}}"""
    rows = {}
    unit = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
    for b in report["benchmarks"]:
        if b.get("run_type") != "iteration":
            continue
        kind, room, size = b["run_name"].split("/")[:3]
        rows.setdefault((room, int(size)), {}).setdefault(kind, []).append(b["real_time"] * unit[b["time_unit"]])
    return rows


def summarize(rows):
    for (room, size), kinds in sorted(rows.items(), key=lambda r: r[0]):
        if "raw" not in kinds or "wye" not in kinds:
            continue
        median = {k: statistics.median(v) for k, v in kinds.items()}
        ratios = [w / median["raw"] for w in kinds["wye"]]
        quartiles = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        yield {"room": room, "size": size, "raw_ns": median["raw"], "wye_ns": median["wye"], "ratio": median["wye"] / median["raw"],
               "ratio_spread": (quartiles[2] - quartiles[0]) / 2,
               "channel_adds_ns": median["channel"] - median["wye"] if "channel" in median else None}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-n", "--repetitions", type=int, default=15, metavar="N")
    p.add_argument("--filter", metavar="REGEX", help="only these, as pipe or 'fifo/64$'")
    p.add_argument("--json", metavar="FILE", help="the table as JSON too, with the machine it ran on")
    p.add_argument("--program", default=ROOT / "build" / "release" / "bench" / "wye_bench", metavar="PATH")
    o = p.parse_args()
    if not pathlib.Path(o.program).exists():
        sys.exit(f"ratios: no {o.program}: ./dev build release")
    report = run(o.program, o.repetitions, o.filter)
    table = list(summarize(times(report)))
    if not table:
        sys.exit("ratios: nothing to compare")
    print(f"{'room':<12} {'size':>6} {'raw ns':>9} {'wye ns':>9} {'ratio':>7} {'+-':>6} {'channel adds ns':>16}")
    for r in table:
        adds = "" if r["channel_adds_ns"] is None else f"{r['channel_adds_ns']:.1f}"
        print(f"{r['room']:<12} {r['size']:>6} {r['raw_ns']:>9.1f} {r['wye_ns']:>9.1f} {r['ratio']:>7.3f} {r['ratio_spread']:>6.3f} {adds:>16}")
    if o.json:
        kernel = os.uname()
        document = {"schema": "wye.ratios/1", "kernel": kernel.release, "machine": kernel.machine, "cpus": os.cpu_count(),
                    "repetitions": o.repetitions, "rows": table}
        pathlib.Path(o.json).write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
