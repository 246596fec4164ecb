#!/usr/bin/env python3
"""Holds the README to the truth: its example is examples/hello.cpp, its table is `wye means --markdown`.

check_readme.py WYE            fails when they differ
check_readme.py WYE --write    writes them
"""
import re
import subprocess
import sys
from pathlib import Path

top = Path(__file__).resolve().parent.parent
readme = top / "README.md"
text = readme.read_text()
table = subprocess.run([sys.argv[1], "means", "--markdown"], check=True, capture_output=True, text=True).stdout
code = (top / "examples/hello.cpp").read_text()


def fill(text: str, mark: str, body: str) -> str:
    pattern = re.compile(rf"(<!-- {re.escape(mark)} -->\n).*?(<!-- end -->)", re.S)
    if not pattern.search(text):
        sys.exit(f"README.md: no <!-- {mark} --> ... <!-- end -->")
    return pattern.sub(lambda m: m[1] + body + m[2], text)


wanted = fill(text, "example: examples/hello.cpp", f"```cpp\n{code}```\n")
wanted = fill(wanted, "means", table)
if "--write" in sys.argv:
    readme.write_text(wanted)
elif wanted != text:
    sys.exit("README.md differs from examples/hello.cpp or from `wye means --markdown`; run: tools/check_readme.py build/release/bin/wye --write")
