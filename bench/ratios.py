#!/usr/bin/env python3
"""wye against bare system calls, as ratios of one run: raw and ours take turns in random order, so that what the machine does
besides slows both.

The table gives medians over the repetitions; "ratio" is wye/raw, "+-" half the distance between its quartiles over the
repetitions, "channel adds" what the virtual call of a Channel costs over the concrete class.
"""
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import report


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


def times(found):
    """{("pipe", 64): {"raw": [ns...], "wye": [...], "channel": [...]}}"""
    rows = {}
    unit = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
    for b in found["benchmarks"]:
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
        yield {"room": room, "size": size, "raw_ns": median["raw"], "wye_ns": median["wye"], "ratio": median["wye"] / median["raw"],
               "ratio_spread": report.spread(ratios),
               "channel_adds_ns": median["channel"] - median["wye"] if "channel" in median else None}


def main():
    p = report.options(__doc__, 15, "bench/wye_bench")
    p.add_argument("--filter", metavar="REGEX", help="only these, as pipe or 'fifo/64$'")
    o = report.parse(p)
    table = list(summarize(times(run(o.program, o.repetitions, o.filter))))
    if not table:
        sys.exit("ratios: nothing to compare")
    print(f"{'room':<12} {'size':>6} {'raw ns':>9} {'wye ns':>9} {'ratio':>7} {'+-':>6} {'channel adds ns':>16}")
    for r in table:
        adds = "" if r["channel_adds_ns"] is None else f"{r['channel_adds_ns']:.1f}"
        print(f"{r['room']:<12} {r['size']:>6} {r['raw_ns']:>9.1f} {r['wye_ns']:>9.1f} {r['ratio']:>7.3f} {r['ratio_spread']:>6.3f} {adds:>16}")
    report.write(o, "wye.ratios/1", table)


if __name__ == "__main__":
    main()
