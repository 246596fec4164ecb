"""What the reports of one run share: their options, how far a ratio wavers, and the table as JSON."""
import argparse
import json
import os
import pathlib
import statistics
import sys

BUILD = pathlib.Path(__file__).resolve().parent.parent / "build" / "release"


def options(text, repetitions, program):
    p = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-n", "--repetitions", type=int, default=repetitions, metavar="N")
    p.add_argument("--json", metavar="FILE", help="the table as JSON too, with the machine it ran on")
    p.add_argument("--program", type=pathlib.Path, default=BUILD / program, metavar="PATH")
    return p


def parse(p):
    o = p.parse_args()
    if o.repetitions < 1:
        p.error("-n: once at least")
    if not o.program.exists():
        sys.exit(f"{p.prog}: no {o.program}: ./dev build release")
    return o


def spread(ratios):
    """Half the distance between the quartiles."""
    quartiles = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return (quartiles[2] - quartiles[0]) / 2


def write(o, schema, rows, **more):
    if not o.json:
        return
    kernel = os.uname()
    document = {"schema": schema, "kernel": kernel.release, "machine": kernel.machine, "cpus": os.cpu_count(),
                "repetitions": o.repetitions, "rows": rows, **more}
    pathlib.Path(o.json).write_text(json.dumps(document, indent=1) + "\n")
