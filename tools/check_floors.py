#!/usr/bin/env python3
"""Holds the floors: base < os < core < io < event < rooms (transport/* sync/* memory/*
process/*) < registry < pattern < measure < cli. Nothing includes upward, nor sideways among rooms.

usage: check_floors.py [TREE]    prints FILE:LINE: what is wrong; exit code 1 when something is
"""
import pathlib
import re
import sys

FLOORS = ["base", "os", "core", "io", "event", "room", "registry", "pattern", "measure", "cli"]
ROOMS = {"transport", "sync", "memory", "process"}
# core makes no system call: it may know a descriptor, not what is done with one.
VALUES = {"wye/os/fd.hpp", "wye/os/port.hpp"}
SYSTEM = re.compile(r"sys/.*|linux/.*|net/.*|netinet/.*|arpa/.*|unistd\.h|fcntl\.h|poll\.h|mqueue\.h|netdb\.h|sched\.h|spawn\.h|"
                    r"pthread\.h|signal\.h|time\.h|limits\.h|errno\.h|csignal|cerrno|climits")
# Argued exceptions: (file, header) -> why.
ALLOWED = {
    ("src/io/recv_by.hpp", "sys/uio.h"): "the caller's places go to the kernel as one iovec",
    ("src/io/frame_writer.cpp", "climits"): "PIPE_BUF is what a piece must fit in",
}
BESIDE = re.compile(r"_(test|bench|fuzz)\.cpp$|_(test|bench)\.hpp$")
INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
STRINGS_AND_COMMENTS = re.compile(r'"(?:\\.|[^"\\])*"|//.*|/\*.*?\*/')


def floor(path):
    """("core", None), ("room", "transport/pipe"), or None for what belongs to no floor."""
    parts = pathlib.PurePosixPath(path).parts
    if parts[:2] == ("include", "wye"):
        parts = parts[2:]
    elif parts[0] in ("src", "wye"):
        parts = parts[1:]
    if parts == ("asio.hpp",):  # adapters to event loops know concepts, and no room
        return "event", None
    if parts == ("wye.hpp",):  # everything for users who open by URI
        return "pattern", None
    if len(parts) >= 2 and parts[0] in ROOMS:
        return "room", parts[0] + "/" + parts[1].removesuffix(".hpp").removesuffix(".cpp")
    return (parts[0], None) if len(parts) >= 2 and parts[0] in FLOORS and parts[0] != "room" else None


def target(tree, source, name):
    """The floor of what `#include "name"` in `source` means."""
    if (tree / source).parent.joinpath(name).exists():
        return floor((pathlib.PurePosixPath(source).parent / name).as_posix())
    return floor(name)


def check_include(tree, source, here, name):
    there = target(tree, source, name)
    if there is None:
        return f'"{name}" lies on no floor'
    if source.startswith("include/") and not name.startswith("wye/"):
        return f'a public header includes "{name}", which is not installed'
    if FLOORS.index(there[0]) > FLOORS.index(here[0]):
        return f'{here[0]} includes "{name}" of {there[0]}, a floor above'
    if here[0] == there[0] == "room" and here[1] != there[1]:
        return f'room {here[1]} includes "{name}" of room {there[1]}'
    if here[0] == "core" and there[0] == "os" and name not in VALUES:
        return f'core includes "{name}": it makes no system call (only {", ".join(sorted(VALUES))})'
    return None


def check_file(tree, source):
    here = floor(source)
    if here is None:
        yield 0, "lies on no floor"
        return
    for number, line in enumerate((tree / source).read_text().splitlines(), 1):
        if found := INCLUDE.match(line):
            ours, system = found.groups()
            if ours and (wrong := check_include(tree, source, here, ours)):
                yield number, wrong
            if system and SYSTEM.fullmatch(system) and (source, system) not in ALLOWED and not (
                    here[0] in ("os", "cli") and not source.startswith("include/")) and system != "sys/types.h":
                yield number, f"<{system}> outside src/os"
        elif here[0] not in ("os", "cli") and re.search(r"\berrno\b", STRINGS_AND_COMMENTS.sub("", line)):
            yield number, "errno outside src/os: calls answer a value or -errno"


def main():
    tree = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    bad = seen = 0
    for top in ("src", "include/wye", "cli"):
        for path in sorted((tree / top).rglob("*.[ch]pp")):
            if BESIDE.search(path.name):
                continue
            source = path.relative_to(tree).as_posix()
            seen += 1
            for number, wrong in check_file(tree, source):
                print(f"{source}:{number}: {wrong}")
                bad += 1
    if not seen:
        print(f"{tree}: no sources there")
    return 1 if bad or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
