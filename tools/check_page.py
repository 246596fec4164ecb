#!/usr/bin/env python3
"""Is the page of `wye bench` in the tree the one that its sources make? Needs no node.

The built page names the hash of its sources, and its Content-Security-Policy those of its script and its style: a page
that is older than its sources fails, and so does one that was changed by hand.

usage: check_page.py [TREE]           says what is wrong; exit code 1 when something is
       check_page.py --hash [TREE]    the sources' hash, for who builds the page
"""
import base64
import hashlib
import pathlib
import re
import sys

BUILT = "cli/bench_page.html"


def sources(tree):
    page = tree / "page"
    return sorted([page / "build.mjs", page / "package.json", page / "package-lock.json", *page.glob("bench/*")])


def hash_of(tree):
    all_of_them = hashlib.sha256()
    for path in sources(tree):
        contents = path.read_bytes()
        all_of_them.update(f"{path.relative_to(tree).as_posix()} {len(contents)}\n".encode() + contents)
    return all_of_them.hexdigest()


def faults(tree):
    page = (tree / BUILT).read_bytes().decode()
    named = re.search(r'<meta name="sources" content="(\w+)">', page)
    if not named or named[1] != hash_of(tree):
        yield "is older than its sources in page/: ./dev page"
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    for kind in ("script", "style"):
        text = re.search(rf"<{kind}>(.*?)</{kind}>", page, re.S)
        digest = base64.b64encode(hashlib.sha256(text[1].encode()).digest()).decode() if text else ""
        if not policy or f"{kind}-src 'sha256-{digest}';" not in policy[1]:
            yield f"its policy does not allow its own {kind}, so it was changed after it was built: ./dev page"


def main():
    arguments = [a for a in sys.argv[1:] if a != "--hash"]
    tree = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parent.parent).resolve()
    if "--hash" in sys.argv[1:]:
        print(hash_of(tree))
        return 0
    wrong = list(faults(tree))
    for what in wrong:
        print(f"{BUILT}: {what}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
