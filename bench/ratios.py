#!/usr/bin/env python3
"""wye against bare system calls, as ratios of one run: raw and ours take turns in random order, so that what the machine does
besides slows both.

The table gives medians over the repetitions; "ratio" is to raw, "+-" half the distance between its quartiles over the
repetitions. "wye" receives into the caller's place, "view" leaves the message where it lies, as raw leaves it in the place
it read into; "like" is wye to a raw loop that hands the message over in a place of its own, too (where raw can read it there
at once, there is none); "channel adds" is what the virtual call of a Channel costs over "wye".
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
    """{("pipe", 64): {"raw": [ns...], "wye": [...], "view": [...], "channel": [...]}}"""
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
        row = {"room": room, "size": size, "raw_ns": median["raw"]}
        for kind, prefix in (("wye", ""), ("view", "view_")):
            there = kind in kinds
            row[f"{kind}_ns"] = median[kind] if there else None
            row[f"{prefix}ratio"] = median[kind] / median["raw"] if there else None
            row[f"{prefix}ratio_spread"] = report.spread([n / median["raw"] for n in kinds[kind]]) if there else None
        row["like_ratio"] = median["wye"] / median["handed"] if "handed" in median else None
        row["channel_adds_ns"] = median["channel"] - median["wye"] if "channel" in median else None
        yield row


COLUMNS = (("room", "room", "<12"), ("size", "size", ">6"), ("raw_ns", "raw ns", ">9.1f"), ("wye_ns", "wye ns", ">9.1f"),
           ("ratio", "ratio", ">7.3f"), ("ratio_spread", "+-", ">6.3f"), ("like_ratio", "like", ">6.3f"), ("view_ns", "view ns", ">9.1f"),
           ("view_ratio", "ratio", ">7.3f"), ("view_ratio_spread", "+-", ">6.3f"), ("channel_adds_ns", "channel adds ns", ">16.1f"))


def line(cell):
    """`cell(key, title)` of each column, in its width."""
    return " ".join(format(v, spec if not isinstance(v, str) else spec.split(".")[0]) for key, title, spec in COLUMNS
                    for v in [cell(key, title)]).rstrip()


def main():
    p = report.options(__doc__, 15, "bench/wye_bench")
    p.add_argument("--filter", metavar="REGEX", help="only these, as pipe or 'fifo/64$'")
    o = report.parse(p)
    table = list(summarize(times(run(o.program, o.repetitions, o.filter))))
    if not table:
        sys.exit("ratios: nothing to compare")
    print(line(lambda key, title: title))
    for row in table:
        print(line(lambda key, title: "" if row[key] is None else row[key]))
    report.write(o, "wye.ratios/1", table)


if __name__ == "__main__":
    main()
