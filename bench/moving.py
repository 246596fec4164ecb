#!/usr/bin/env python3
"""wye tee, relay, send and recv against tee, cat and socat, as ratios of one run: the ways of a case take turns in random
order, so that what the machine does besides slows all of them.

tee and relay stand between two pipes; whoever fills the first gifts its pages (vmsplice), and the second is spliced into
/dev/null, so that both cost next to nothing. unix: a file goes through a socket into /dev/null.

The table gives medians over the repetitions, in seconds; "ratio" is how many times as fast wye is, "+-" half the distance
between its quartiles.
"""
import contextlib
import ctypes
import fcntl
import mmap
import multiprocessing
import os
import pathlib
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import report

PATIENCE = 600  # of one run, in seconds
PART = 1 << 20
SPLICE_F_GIFT = 8
libc = ctypes.CDLL(None, use_errno=True)
fork = multiprocessing.get_context("fork")
alive = []  # what a run has started
interrupted = 0  # the number of the signal


class Trouble(Exception):
    pass


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]


def give(fd, size):
    """Fills a pipe with pages of ours."""
    pages = mmap.mmap(-1, PART)
    pages.write(os.urandom(4096) * (PART // 4096))
    part = Iovec(ctypes.addressof(ctypes.c_char.from_buffer(pages)), PART)
    while size > 0:
        part.size = min(PART, size)
        n = libc.vmsplice(fd, ctypes.byref(part), 1, SPLICE_F_GIFT)
        if n < 0:
            raise OSError(ctypes.get_errno(), "vmsplice")
        size -= n


def take(fd, size):
    """Empties a pipe, and counts what came."""
    null = os.open("/dev/null", os.O_WRONLY)
    while n := os.splice(fd, null, PART):
        size -= n
    sys.exit(size != 0)


def kill_all():
    for number in (signal.SIGSTOP, signal.SIGKILL):  # so that nobody complains of somebody else's end
        for p in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(p.pid, number)


def on_signal(number, _):
    """Whoever waits for a process hears of its end."""
    global interrupted
    interrupted = number
    kill_all()


def started(p):
    alive.append(p)
    if interrupted:
        raise Trouble("interrupted")
    return p


def beside(body, fd, size, others):
    def run():
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for other in others:
            os.close(other)
        try:
            body(fd, size)
        except OSError:  # the other end went away: it says why
            sys.exit(1)

    p = fork.Process(target=run)
    p.start()
    return started(p)


def start(command, **files):
    return started(subprocess.Popen(command, **files))


def ended(p, name):
    """Waits for it; whatever is not a success ends everything."""
    if isinstance(p, subprocess.Popen):
        with contextlib.suppress(subprocess.TimeoutExpired):
            p.wait(PATIENCE)
        code = p.returncode
    else:
        p.join(PATIENCE)
        code = p.exitcode
    if code != 0:
        raise Trouble(f"{name}: {'no end' if code is None else f'exit code {code}'}")
    alive.remove(p)


def between_pipes(command, size):
    """Seconds that the command takes for `size` bytes from one pipe to another."""
    with contextlib.ExitStack() as ours:
        ends = [fd for _ in range(2) for fd in os.pipe()]
        for fd in ends:
            ours.callback(os.close, fd)
        in_read, in_write, out_read, out_write = ends
        sink = beside(take, out_read, size, [in_read, in_write, out_write])
        mover = start(command, stdin=in_read, stdout=out_write)
        begin = time.monotonic()
        source = beside(give, in_write, size, [in_read, out_read, out_write])
        ours.close()
        for p, name in ((source, "the source"), (mover, command[0]), (sink, "what came is not what was sent")):
            ended(p, name)
        return time.monotonic() - begin


def is_listening(path):
    # Flag 00010000: it listens, and not only has the name.
    return re.search(rf" 00010000 .* {re.escape(str(path))}$", pathlib.Path("/proc/net/unix").read_text(), re.MULTILINE)


def through_socket(receiver, sender, path):
    """Seconds from the start of the sender until both have ended."""
    with open(os.devnull, "wb") as null:
        into = start(receiver, stdout=null, stdin=subprocess.DEVNULL)
        patience = time.monotonic() + 10
        while not is_listening(path):
            if into.poll() is not None or time.monotonic() > patience:
                raise Trouble(f"{receiver[0]}: does not listen at {path}")
            time.sleep(0.001)
        begin = time.monotonic()
        out = start(sender, stdin=subprocess.DEVNULL)
        ended(out, sender[0])
        ended(into, receiver[0])
        seconds = time.monotonic() - begin
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    return seconds


def tee_case(wye, where, size):
    def way(command):
        def run():
            seconds = between_pipes([*command, str(where)], size)
            if where.is_file():
                if where.stat().st_size != size:
                    raise Trouble(f"{command[0]}: the copy has another size")
                where.unlink()
            return seconds
        return run
    return {"tee": way(["tee"]), "wye tee": way([wye, "tee"])}


def relay_case(wye, size):
    return {"cat": lambda: between_pipes(["cat"], size), "wye relay": lambda: between_pipes([wye, "relay", "fd:0", "fd:1"], size)}


def unix_case(wye, directory, size):
    file, path = directory / "file", directory / "socket"

    def socat(*more):
        return lambda: through_socket(["socat", *more, "-u", f"UNIX-LISTEN:{path}", "STDOUT"],
                                      ["socat", *more, "-u", f"FILE:{file}", f"UNIX-CONNECT:{path}"], path)

    def ours(more=""):
        return lambda: through_socket([wye, "recv", f"unix:{path}?listen&{more}".rstrip("&")],
                                      [wye, "send", f"unix:{path}?{more}".rstrip("?"), file], path)

    with file.open("wb") as f:
        part = os.urandom(PART)
        for at in range(0, size, PART):
            f.write(part[:size - at])
    return {"socat": socat(), "socat -b 262144": socat("-b", "262144"), "wye": ours(), "wye, raw": ours("framing=raw")}


def measured(ways, repetitions):
    """{way: [seconds...]}; the ways that are not installed are left out, and said."""
    found = {}
    for name, way in ways.items():
        if shutil.which(name.split()[0]) or name.startswith("wye"):
            found[name] = way
        else:
            print(f"moving: no {name} here", file=sys.stderr)
    seconds = {name: [] for name in found}
    for _ in range(repetitions):
        for name in random.sample(list(found), len(found)):
            seconds[name].append(found[name]())
    return seconds


def compare(case, size, seconds):
    for theirs in (n for n in seconds if not n.startswith("wye")):
        for ours in (n for n in seconds if n.startswith("wye")):
            ratios = [a / b for a, b in zip(seconds[theirs], seconds[ours])]
            median = {n: statistics.median(seconds[n]) for n in (theirs, ours)}
            yield {"case": case, "bytes": size, "theirs": theirs, "ours": ours, "theirs_s": median[theirs], "wye_s": median[ours],
                   "ratio": median[theirs] / median[ours], "ratio_spread": report.spread(ratios)}


def size_of(text):
    found = re.fullmatch(r"(\d+)([KMG]?)", text)
    if not found or int(found[1]) == 0:
        raise ValueError(text)
    return int(found[1]) << " KMG".index(found[2] or " ") * 10


def room_for(size, scratch):
    """Why `size` bytes do not fit, or None. In /dev/shm they take memory, which may be less than its limit."""
    memory = re.search(r"MemAvailable: *(\d+) kB", pathlib.Path("/proc/meminfo").read_text())
    room = os.statvfs(scratch)
    free = max(min(room.f_bavail * room.f_frsize, int(memory[1]) << 10) - (64 << 20), 0)
    return None if size <= free else (f"{scratch} has room for {free >> 20} MiB, and {size >> 20} MiB are needed: "
                                      "see --size, --unix-size, --scratch")


def run(o, directory):
    wye = str(o.program.resolve())
    cases = [("tee, /dev/null", o.size, lambda: tee_case(wye, pathlib.Path("/dev/null"), o.size)),
             ("tee, a file", o.size, lambda: tee_case(wye, directory / "copy", o.size)),
             ("relay, pipes", o.size, lambda: relay_case(wye, o.size)),
             ("unix, a file", o.unix_size, lambda: unix_case(wye, directory, o.unix_size))]
    print(f"{'case':<16} {'MiB':>6} {'theirs':<16} {'s':>7} {'ours':<10} {'s':>7} {'ratio':>6} {'+-':>5}")
    rows = []
    for name, size, ways in cases:
        for r in compare(name, size, measured(ways(), o.repetitions)):
            print(f"{name:<16} {size / (1 << 20):>6.0f} {r['theirs']:<16} {r['theirs_s']:>7.3f} {r['ours']:<10} {r['wye_s']:>7.3f} "
                  f"{r['ratio']:>6.2f} {r['ratio_spread']:>5.2f}", flush=True)
            rows.append(r)
    report.write(o, "wye.moving/1", rows)


def main():
    p = report.options(__doc__, 5, "bin/wye")
    p.add_argument("--size", type=size_of, default="4G", metavar="SIZE", help="through tee and relay (default 4G)")
    p.add_argument("--unix-size", type=size_of, default="1G", metavar="SIZE", help="through the socket (default 1G)")
    p.add_argument("--scratch", type=pathlib.Path, default="/dev/shm", metavar="DIR", help="where copies lie (default /dev/shm)")
    o = report.parse(p)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    try:
        if lacking := room_for(max(o.size, o.unix_size), o.scratch):
            raise Trouble(lacking)
        with tempfile.TemporaryDirectory(prefix="wye-moving-", dir=o.scratch) as directory:
            try:
                run(o, pathlib.Path(directory))
            finally:
                kill_all()
                for p in alive:
                    p.wait() if isinstance(p, subprocess.Popen) else p.join()
    except (Trouble, OSError) as e:
        sys.exit(128 + interrupted if interrupted else f"moving: {e}")


if __name__ == "__main__":
    main()
