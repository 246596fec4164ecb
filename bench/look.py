#!/usr/bin/env python3
"""What `wye ls` costs beside lsfd and lsof -n, as ratios of one run: a crowd of processes with 20 descriptors each (pipes and
socket pairs with their neighbours, eventfds, shared memory, memfds, files, a lock, a listener) in namespaces of its own is
looked at by each in turn, in random order.

The table gives medians over the repetitions: by the clock and of the processor (user and system, of wait4(2)), in ms; system
calls of one further run each (strace -fc); the most memory it had at once, in MiB, or what this program had when it started it
("<"). "ratio" is how many times as long as wye the other took by the clock, "+-" half the distance between its quartiles, "cpu
ratio" the same of the processor. The last lines are what a process costs by the number of them, and the aims.
"""
import contextlib
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import report

AIMS = {"ms at 100": 20, "calls at 100": 8000, "MiB at most": 64, "lsfd": 3, "lsof -n at 100": 8}
ENTERED = "WYE_LOOK_ENTERED"


def enter():
    """This program again, in namespaces that end with it: nothing of the machine outside is seen, nothing is left there."""
    user = [] if os.getuid() == 0 else ["--map-root-user"]
    apart = ["unshare", *user, "--pid", "--fork", "--kill-child", "--mount-proc", "--ipc", "--net", "--mount"]
    if subprocess.run([*apart, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        sys.exit("look: this user may make no namespaces")
    os.environ[ENTERED] = "1"
    os.execvp(apart[0], [*apart, sys.executable, *sys.argv])


def mount_scratch(*needed):
    """Where names are looked for others leave thousands, or none: here there are none, but where something needed lies."""
    for where in ("/dev/shm", "/run", "/tmp", "/var/tmp"):
        if not any(p.is_relative_to(where) for p in needed):
            subprocess.run(["mount", "-t", "tmpfs", "none", where], check=True)


@contextlib.contextmanager
def crowd(factory, count, directory):
    """So many processes, for as long as they are looked at."""
    where = pathlib.Path(directory) / str(count)
    where.mkdir()
    p = subprocess.Popen([factory, "crowd", str(count), where], stdout=subprocess.PIPE, text=True)
    try:
        if p.stdout.readline() != "ready\n":
            sys.exit(f"look: no crowd of {count}: exit code {p.wait()}")
        yield
    finally:
        p.kill()
        p.wait()
        for left in pathlib.Path("/dev/shm").iterdir():
            left.unlink()
        shutil.rmtree(where)
        while any(f.name.isdigit() and int(f.name) != os.getpid() for f in pathlib.Path("/proc").iterdir()):
            with contextlib.suppress(ChildProcessError):  # this is their namespace's first process, which they end at
                os.waitpid(-1, os.WNOHANG)
            time.sleep(0.01)


def once(command):
    """{"ms", "cpu", "mib"} of one run."""
    null = os.open("/dev/null", os.O_RDWR)
    begin = time.monotonic()
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)])
    _, status, used = os.wait4(pid, 0)
    took = time.monotonic() - begin
    os.close(null)
    if not os.WIFEXITED(status) or os.WEXITSTATUS(status) > 2:
        sys.exit(f"look: {command[0]}: status {status}")
    return {"ms": took * 1e3, "cpu": (used.ru_utime + used.ru_stime) * 1e3, "mib": used.ru_maxrss / 1024}


def calls(command):
    """System calls of one run, or None where nothing may be traced."""
    if not shutil.which("strace"):
        return None
    with tempfile.NamedTemporaryFile("r") as table:
        subprocess.run(["strace", "-f", "-qc", "-o", table.name, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        total = [line.split() for line in table if line.rstrip().endswith("total")]
    return int(total[0][3]) if total else None


def measured(ways, repetitions):
    found = {name: [] for name in ways}
    for command in ways.values():
        once(command)  # what is read from the disk is there from then on
    for _ in range(repetitions):
        for name in random.sample(list(ways), len(ways)):
            found[name].append(once(ways[name]))
    return found


def rows_of(count, found, ways, floor):
    def median(name, what):
        return statistics.median(r[what] for r in found[name])
    for name in ways:
        ratios = [t["ms"] / w["ms"] for t, w in zip(found[name], found["wye ls"])]
        peak = max(r["mib"] for r in found[name])
        yield {"processes": count, "program": name, "ms": median(name, "ms"), "cpu_ms": median(name, "cpu"), "calls": calls(ways[name]),
               "mib": peak, "mib_is_a_bound": peak <= floor, "ratio": median(name, "ms") / median("wye ls", "ms"), "ratio_spread": report.spread(ratios),
               "cpu_ratio": median(name, "cpu") / median("wye ls", "cpu")}


def print_row(r):
    made = "-" if r["calls"] is None else r["calls"]
    mib = f"{'<' if r['mib_is_a_bound'] else ''}{r['mib']:.0f}"
    print(f"{r['processes']:>9} {r['program']:<8} {r['ms']:>8.1f} {r['cpu_ms']:>8.1f} {made:>8} {mib:>5} {r['ratio']:>6.2f} "
          f"{r['ratio_spread']:>5.2f} {r['cpu_ratio']:>9.2f}", flush=True)


def verdicts(rows):
    """(what, value, aim, whether it holds), as far as it was measured."""
    at = {(r["processes"], r["program"]): r for r in rows}
    ours = {n: r for (n, name), r in at.items() if name == "wye ls"}
    if 100 in ours:
        yield "ms at 100", ours[100]["ms"], AIMS["ms at 100"], ours[100]["ms"] <= AIMS["ms at 100"]
        if ours[100]["calls"] is not None:
            yield "calls at 100", ours[100]["calls"], AIMS["calls at 100"], ours[100]["calls"] < AIMS["calls at 100"]
    for n in ours:
        if (n, "lsfd") in at:
            yield f"lsfd / wye at {n}", at[n, "lsfd"]["ratio"], AIMS["lsfd"], at[n, "lsfd"]["ratio"] >= AIMS["lsfd"]
    if (100, "lsof -n") in at:
        yield "lsof -n / wye at 100", at[100, "lsof -n"]["ratio"], AIMS["lsof -n at 100"], at[100, "lsof -n"]["ratio"] >= AIMS["lsof -n at 100"]
    peak = max(r["mib"] for r in ours.values())
    yield "MiB at most", peak, AIMS["MiB at most"], peak <= AIMS["MiB at most"]


def run(o, directory):
    ways = {"wye ls": [str(o.program.resolve()), "ls"], "lsfd": ["lsfd"], "lsof -n": ["lsof", "-n"]}
    for name in [n for n, command in ways.items() if not shutil.which(command[0])]:
        print(f"look: no {name} here", file=sys.stderr)
        del ways[name]
    floor = os.wait4(os.posix_spawnp("true", ["true"], os.environ), 0)[2].ru_maxrss / 1024
    print(f"{'processes':>9} {'program':<8} {'ms':>8} {'cpu ms':>8} {'calls':>8} {'MiB':>5} {'ratio':>6} {'+-':>5} {'cpu ratio':>9}")
    rows = []
    for count in o.counts:
        with crowd(o.factory, count, directory):
            for r in rows_of(count, measured(ways, o.repetitions), ways, floor):
                print_row(r)
                rows.append(r)
    for r in rows:
        if r["program"] == "wye ls":
            print(f"a process, of {r['processes']}: {r['ms'] * 1e3 / r['processes']:.0f} us, of the processor {r['cpu_ms'] * 1e3 / r['processes']:.0f} us")
    for what, value, aim, holds in verdicts(rows):
        print(f"{what:<22} {value:>8.4g}  aim {aim:<6} {'yes' if holds else 'NO'}")
    report.write(o, "wye.look/1", rows)


def main():
    p = report.options(__doc__, 11, "bin/wye")
    p.add_argument("--factory", type=pathlib.Path, default=report.BUILD / "tests/factory", metavar="PATH")
    p.add_argument("--counts", type=lambda t: [int(n) for n in t.split(",")], default=[100, 500, 2000], metavar="N,N",
                   help="how many processes (default 100,500,2000)")
    o = report.parse(p)
    if not o.factory.exists():
        sys.exit(f"look: no {o.factory}: ./dev build release")
    if not os.environ.get(ENTERED):
        enter()
    mount_scratch(*(pathlib.Path(p).resolve() for p in (o.program, o.factory, o.json) if p))
    with tempfile.TemporaryDirectory(prefix="wye-look-") as directory:
        run(o, directory)


if __name__ == "__main__":
    main()
