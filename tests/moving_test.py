#!/usr/bin/env python3
"""bench/moving.py with a few bytes: every case has its row, and nothing stays, also when it is interrupted.

usage: moving_test.py WYE
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

MOVING = pathlib.Path(__file__).parent.parent / "bench" / "moving.py"
WYE = sys.argv[1]


def command(scratch, *more):
    return [sys.executable, MOVING, "--program", WYE, "--scratch", scratch, *more]


def measures_every_case(scratch):
    with tempfile.NamedTemporaryFile() as out:
        r = subprocess.run(command(scratch, "--size", "300001", "--unix-size", "1M", "-n", "2", "--json", out.name),
                           capture_output=True, text=True, timeout=60)
        assert r.returncode == 0, r.stderr
        document = json.loads(pathlib.Path(out.name).read_text())
    assert document["schema"] == "wye.moving/1" and document["repetitions"] == 2, document
    pairs = {(row["case"].split(",")[0], row["theirs"], row["ours"]) for row in document["rows"]}
    wanted = {("tee", "tee", "wye tee"), ("relay", "cat", "wye relay")}
    if shutil.which("socat"):
        wanted |= {("unix", theirs, ours) for theirs in ("socat", "socat -b 262144") for ours in ("wye", "wye, raw")}
    assert pairs == wanted, pairs
    assert all(row["ratio"] > 0 and row["wye_s"] > 0 for row in document["rows"]), document["rows"]
    assert len(r.stdout.splitlines()) == 1 + len(document["rows"]), r.stdout


def says_that_there_is_no_room(scratch):
    r = subprocess.run(command(scratch, "--size", "1000000G"), capture_output=True, text=True, timeout=60)
    assert r.returncode == 1 and f"{scratch} has room for" in r.stderr and r.stderr.count("\n") == 1, r


def an_interrupt_leaves_nothing(scratch):
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        p = subprocess.Popen(command(scratch, "--size", "32M", "--unix-size", "32M", "-n", "100000"), stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True, start_new_session=True)
        patience = time.monotonic() + 20
        while not list(pathlib.Path(scratch).iterdir()):
            assert time.monotonic() < patience and p.poll() is None, "it does not begin"
            time.sleep(0.01)
        time.sleep(0.2)
        p.send_signal(number)  # to it alone: it ends what it started
        said = p.communicate(timeout=20)[1]
        assert p.returncode == code and said == "", (p.returncode, said)
        try:  # what it has ended is gone when the kernel has taken it apart
            while True:
                os.killpg(p.pid, 0)
                assert time.monotonic() < patience, "a process of its is left"
                time.sleep(0.01)
        except ProcessLookupError:
            pass


for test in (measures_every_case, says_that_there_is_no_room, an_interrupt_leaves_nothing):
    with tempfile.TemporaryDirectory() as place:
        test(place)
        left = list(pathlib.Path(place).iterdir())
        assert not left, f"{test.__name__}: left behind: {left}"
