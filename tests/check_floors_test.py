#!/usr/bin/env python3
"""Shows check_floors.py find each kind of breach in a made-up tree, and nothing in a sound one."""
import pathlib
import subprocess
import sys
import tempfile

CHECK = pathlib.Path(__file__).parent.parent / "tools" / "check_floors.py"

SOUND = {
    "include/wye/base/error.hpp": "#pragma once\n#include <string>\n",
    "include/wye/os/fd.hpp": "#pragma once\n",
    "src/os/syscall.hpp": "#include <fcntl.h>\n#include <cerrno>\ninline int f() { return errno; }\n",
    "src/core/uri.cpp": '#include "wye/base/error.hpp"\n#include "wye/os/fd.hpp"\n// says what errno means\nauto s = "errno";\n',
    "src/transport/pipe/pipe.cpp": '#include "os/syscall.hpp"\n#include "local.hpp"\n',
    "src/transport/pipe/local.hpp": "#pragma once\n",
    "src/transport/pipe/pipe_test.cpp": '#include <unistd.h>\n#include "wye/transport/fifo.hpp"\n',
    "src/registry/all.cpp": '#include "wye/transport/fifo.hpp"\n',
    "include/wye/transport/fifo.hpp": "#pragma once\n#include <sys/types.h>\n",
    "cli/main.cpp": '#include <unistd.h>\n#include "wye/registry/open.hpp"\n',
}
# file, the line to add at its end, where it is to be found, and a word of the complaint
BREACHES = [
    ("src/core/uri.cpp", '#include "wye/transport/fifo.hpp"', 5, "a floor above"),
    ("src/core/uri.cpp", '#include "os/syscall.hpp"', 5, "no system call"),
    ("src/core/uri.cpp", "#include <poll.h>", 5, "<poll.h>"),
    ("src/core/uri.cpp", "int f() { return errno; }", 5, "errno outside"),
    ("src/transport/pipe/pipe.cpp", '#include "wye/transport/fifo.hpp"', 3, "room transport/pipe"),
    ("src/transport/pipe/local.hpp", '#include "../fifo/x.hpp"', 2, "no floor"),
    ("include/wye/base/error.hpp", '#include "wye/os/fd.hpp"', 3, "a floor above"),
    ("include/wye/os/fd.hpp", "#include <fcntl.h>", 2, "<fcntl.h>"),
    ("include/wye/os/fd.hpp", '#include "os/syscall.hpp"', 2, "not installed"),
    ("src/transport/pipe/pipe.cpp", "  #  include <sys/stat.h>", 3, "<sys/stat.h>"),
]


def check(files):
    with tempfile.TemporaryDirectory() as tree:
        for name, text in files.items():
            path = pathlib.Path(tree, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return subprocess.run([sys.executable, CHECK, tree], capture_output=True, text=True)


failed = 0
sound = check(SOUND)
if sound.returncode != 0 or sound.stdout:
    print(f"a sound tree is refused:\n{sound.stdout}{sound.stderr}")
    failed += 1
for name, line, number, word in BREACHES:
    r = check(SOUND | {name: SOUND[name] + line + "\n"})
    if r.returncode != 1 or not r.stdout.startswith(f"{name}:{number}: ") or word not in r.stdout or r.stdout.count("\n") != 1:
        print(f"{name} + {line!r}: expected one complaint with {word!r} at line {number}, got {r.returncode}:\n{r.stdout}{r.stderr}")
        failed += 1
if check({"README": ""}).returncode != 1:
    print("an empty tree passes")
    failed += 1
sys.exit(1 if failed else 0)
