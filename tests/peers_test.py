#!/usr/bin/env python3
"""A program of bench/peers: each of its means does each of its shapes, loses nothing that it promises to keep, and
nothing stays of it, also when it is killed in the middle.

usage: peers_test.py NAME PROGRAM
"""
import grp
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

NAME, PROGRAM = sys.argv[1], os.path.abspath(sys.argv[2])
HERE = pathlib.Path(__file__).parent.parent
SHAPES = {1: ("latency", "throughput", "rate", "wakeup", "open", "idle"), 2: ("fanout",), 4: ("queue",), 8: ("request",)}
FLIGHTS, ANSWERS, LOOKS = 8, 16, 32  # of measure::Can
DROPS = {("nng", "fanout")}  # lossless but for its pub


def known():
    installed = re.search(r"^peers=\(([^)]*)\)", (HERE / "dev").read_text(), re.M)[1].split()
    for row in json.loads((HERE / "bench" / "peers" / "peers.json").read_text()):
        if row["program"] == NAME:
            assert set(row["packages"]) <= set(installed), f"./dev setup --peers does not install {row['packages']}"
            return row
    raise AssertionError(f"{NAME} is not in peers.json")


def listed():
    r = subprocess.run([PROGRAM, "list"], capture_output=True, text=True, timeout=20)
    assert r.returncode == 0, r.stderr
    return json.loads(r.stdout)


# ---------------------------------------------------------------- what there is on this machine

def objects():
    """What programs like these can leave, by the names and the key that they have."""
    found = set()
    for place in ("/dev/shm", "/dev/mqueue", "/tmp"):
        found |= {str(p) for p in pathlib.Path(place).glob("*") if any(w in p.name for w in ("wye-peer-", "iceoryx", "roudi", "iox-"))}
    if NAME == "iceoryx":
        found |= {str(p) for p in [pathlib.Path("/dev/shm") / grp.getgrgid(os.getegid()).gr_name] if p.exists()}
    for kind in ("msg", "sem") if NAME == "raw" else ():
        rows = [line.split() for line in pathlib.Path(f"/proc/sysvipc/{kind}").read_text().splitlines()[1:]]
        found |= {f"{kind} {row[1]}" for row in rows if row[0] == "0"}  # IPC_PRIVATE
    return found


def processes(mark):
    """Those that have our mark in their environment."""
    found = {}
    for p in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (p / "environ").read_bytes() and (p / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                found[int(p.name)] = (p / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            pass
    return found


class Scene:
    """Runs the program where nothing else is, and looks at what is there afterwards."""

    def __init__(self):
        self.mark = f"WYE_PEERS_TEST={os.getpid()}-{time.monotonic_ns()}"
        self.scratch = tempfile.TemporaryDirectory()
        name, value = self.mark.split("=")
        self.environment = os.environ | {name: value, "TMPDIR": self.scratch.name}
        self.before = objects()

    def start(self, work):
        return subprocess.Popen([PROGRAM, "run", json.dumps(work)], env=self.environment, cwd=self.scratch.name,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, work):
        child = self.start(work)
        try:
            out, err = child.communicate(timeout=40)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            raise AssertionError(f"{work}: no end") from None
        assert child.returncode == 0, f"{work}: {child.returncode}: {err}"
        return json.loads(out)

    def nothing_stays(self, what):
        until = time.monotonic() + 5
        while True:
            left = [*processes(self.mark).values(), *sorted(objects() - self.before), *os.listdir(self.scratch.name)]
            if not left:
                return
            assert time.monotonic() < until, f"{what}: left: {left}"
            time.sleep(0.02)


# ---------------------------------------------------------------- what it does

def workloads(means):
    for bit, names in SHAPES.items():
        for name in names if means["shapes"] & bit else ():
            if means["carries"] or name != "throughput":
                yield name


def work(means, workload, **more):
    size = means["size"] if "size" in means else 64
    parties = 2 if workload in SHAPES[1] or means["name"] == "dbus:direct" else 4
    return {"means": means["name"], "workload": workload, "size": size, "messages": 200, "rate": 0 if parties > 2 else 5000, "gap": 100000,
            "parties": parties} | more


def does_its_work(means, workload, **more):
    scene = Scene()
    asked = work(means, workload, **more)
    if workload == "open":
        asked["messages"] = 2
    if workload in ("fanout", "queue"):
        asked["ms"] = 100
    got = scene.run(asked)
    kept = means["lossless"] and (means["name"], workload) not in DROPS
    least = {"idle": 0, "open": 2}.get(workload, 200 if kept else 1)
    assert got["messages"] >= least, f"{asked}: {got['messages']} messages"
    assert not kept or got["lost"] == 0, f"{asked}: {got['lost']} lost"
    if workload in ("latency", "wakeup", "request", "request:flight", "request:answer", "rate"):
        assert sum(n for _, n in got["times"]) >= (1 if not kept else 200), f"{asked}: {got['times']}"
    scene.nothing_stays(asked)


def leaves_nothing_when_killed(means, workload):
    scene = Scene()
    asked = work(means, workload, ms=60000, messages=0)
    child = scene.start(asked)
    try:
        until = time.monotonic() + 10
        while len(processes(scene.mark)) < 2:
            assert child.poll() is None, f"{asked}: it ended: {child.communicate()[1]}"
            assert time.monotonic() < until, f"{asked}: nobody else takes part"
            time.sleep(0.02)
        time.sleep(0.3)  # until they talk
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    scene.nothing_stays(f"{asked}, killed")


def says_what_is_wrong(means):
    scene = Scene()
    for asked, word in (({"means": "no-such", "workload": "latency"}, "no-such"), (work(means, "no-such"), "no-such")):
        child = scene.start(asked)
        _, err = child.communicate(timeout=20)
        assert child.returncode == 1 and word in err, (child.returncode, err)
    if means["largest"]:
        child = scene.start(work(means, "latency", size=means["largest"] + 1))
        _, err = child.communicate(timeout=20)
        assert child.returncode == 1 and str(means["largest"]) in err, (child.returncode, err)
    scene.nothing_stays("what cannot be")


def main():
    row = known()
    if not os.path.exists(PROGRAM):
        print(f"{NAME}: not built: {' '.join(row['packages']) or row.get('needs')}: ./dev setup --peers")
        return 77
    all_means = listed()
    assert sorted(row["means"]) == sorted(m["name"] for m in all_means), (row["means"], [m["name"] for m in all_means])
    for m in all_means:
        assert m["group"] == row["group"] and m["version"] and m["summary"], m
        for workload in workloads(m):
            if workload == "idle" and m is not all_means[0]:
                continue  # half a second each
            begin = time.monotonic()
            does_its_work(m, workload)
            if workload == "latency" and m["polls"]:
                does_its_work(m, workload, poll=True)
            print(f"{m['name']} {workload}: {time.monotonic() - begin:.2f} s", flush=True)
        if m["can"] & FLIGHTS:
            for at_once in (1, 16):
                does_its_work(m, "request:flight", parties=2, at_once=at_once)
        if m["can"] & LOOKS:
            does_its_work(m, "request", parties=2, poll=True)
        if m["can"] & ANSWERS:
            for size in (4096, 1 << 20) if m["lossless"] else (4096,):
                does_its_work(m, "request:answer", size=size)
        if m["carries"]:
            does_its_work(m, "latency", size=min(m["largest"] or 1 << 20, 1 << 20))
        all_work = list(workloads(m))
        for workload in dict.fromkeys((all_work[0], all_work[-1])):
            leaves_nothing_when_killed(m, workload)
    says_what_is_wrong(all_means[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
