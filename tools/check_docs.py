#!/usr/bin/env python3
"""Holds the README and the pages of docs/ to the truth.

check_docs.py WYE            fails when something below does not hold
check_docs.py WYE --write    first writes the examples and the tables into the pages

Up to the next <!-- end --> stands after
    <!-- example: FILE -->   that file, which the tests build and run
    <!-- means -->           what `wye means --markdown` prints
    <!-- advise -->          what `wye advise --markdown` prints: of every means what hurts
    <!-- limits -->          what `wye limits --markdown` prints; with an ERROR the calls that give it, from `wye limits --json`
    <!-- traits: NAME... --> a column for each of these traits, from `wye means --json`; "speed" is from docs/speed.md
A page of docs/ has no other C++, and no other shell unless <!-- run: FILE --> says which test runs what stands there.
No example is unseen, or longer than 40 lines. Every link to a file leads to one.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
MARK = re.compile(r"(<!-- (example|means|advise|limits|traits)(?:: (.*?))? -->\n).*?(<!-- end -->)", re.S)
LANGUAGE = {".cpp": "cpp", ".hpp": "cpp", ".sh": "sh"}


def wye(verb, form):
    return subprocess.run([sys.argv[1], verb, form], check=True, capture_output=True, text=True).stdout


def speeds():
    """{"pipe": "1.05", "unix": ...}: the first figure of each row of the table of docs/speed.md."""
    rows = re.findall(r"^\| ([a-z-]+)(?: stream)? \| ([\d.]+) \|", (TOP / "docs/speed.md").read_text(), re.M)
    return dict(rows)


def traits(names):
    speed = speeds()
    yield f"| URI | {' | '.join(name.replace('_', ' ') for name in names)} |"
    yield "|---" * (len(names) + 1) + "|"
    for row in json.loads(wye("means", "--json"))["means"]:
        row["speed"] = speed.get(row["scheme"], "")
        cells = ({True: "yes", False: ""}.get(row[name], row[name]) for name in names)
        yield f"| `{row['scheme']}:` | {' | '.join(cells)} |"


def errors(name):
    """The table of the calls that give this error: what is not on this page is in the whole table."""
    yield "| call | limit | what it means | what to do |"
    yield "|---|---|---|---|"
    rows = set()
    for limit in json.loads(wye("limits", "--json"))["limits"]:
        for e in limit["errors"]:
            if e["error"] == name:
                rows.add(f"| {e['call']} | {limit['name']}: {limit['title']} | {e['remark']} | {limit['remedy']} |")
    yield from sorted(rows)


def example(file, shown):
    shown.add(TOP / file)
    return f"```{LANGUAGE[Path(file).suffix]}\n{(TOP / file).read_text()}```\n"


def filled(found, shown):
    head, kind, what, end = found.groups()
    if kind == "example":
        return head + example(what, shown) + end
    if kind == "traits":
        return head + "\n".join([*traits(what.split()), ""]) + end
    if what:
        return head + "\n".join([*errors(what), ""]) + end
    return head + wye(kind, "--markdown") + end


def wrongs(page, text):
    name = page.relative_to(TOP)
    run = re.search(r"<!-- run: (\S+) -->", text)
    if run and name.as_posix() not in (TOP / run[1]).read_text():
        yield f"{name}: {run[1]} does not run it"
    if page.parent != TOP and re.search(r"^```cpp" if run else r"^```(cpp|sh)", MARK.sub("", text), re.M):
        yield f"{name}: C++ or shell that no test runs: put it into examples/ and mark it <!-- example: FILE -->"
    for link in re.findall(r"\]\(([^)#:]+)[^):]*\)", MARK.sub("", text)):
        if not (page.parent / link).exists():
            yield f"{name}: the link to {link} leads nowhere"


def main():
    shown, bad = set(), []
    for page in [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]:
        text = page.read_text()
        wanted = MARK.sub(lambda found: filled(found, shown), text)
        if wanted != text and "--write" in sys.argv:
            page.write_text(wanted)
        elif wanted != text:
            bad.append(f"{page.relative_to(TOP)} differs from its examples or from `wye means`; run: tools/check_docs.py build/release/bin/wye --write")
        bad += wrongs(page, wanted)
    for example in sorted((TOP / "examples").rglob("*")):
        if example.suffix in LANGUAGE and example not in shown:
            bad.append(f"{example.relative_to(TOP)} is shown on no page")
        if example.suffix in (".cpp", ".sh") and len(example.read_text().splitlines()) > 40:
            bad.append(f"{example.relative_to(TOP)} has more than 40 lines")
    for line in bad:
        print(line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
