#!/usr/bin/env python3
"""Shows check_page.py find a page that is older than its sources, and one that was changed by hand."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
CHECK = TREE / "tools" / "check_page.py"
BUILT = "cli/bench_page.html"


def complaints(tree):
    done = subprocess.run([sys.executable, CHECK, tree], capture_output=True, text=True, timeout=30)
    assert done.stderr == "" and done.returncode == bool(done.stdout), done
    return done.stdout


def main():
    with tempfile.TemporaryDirectory() as made:
        tree = pathlib.Path(made)
        shutil.copytree(TREE / "page", tree / "page", ignore=shutil.ignore_patterns("node_modules"))
        (tree / "cli").mkdir()
        shutil.copy(TREE / BUILT, tree / BUILT)
        assert complaints(tree) == "", complaints(tree)
        for path in [p for p in (tree / "page").rglob("*") if p.is_file()]:
            before = path.read_text()
            path.write_text(before + "\n")
            assert "older than its sources" in complaints(tree), path
            path.write_text(before)
        (tree / "page/bench/more.js").write_text("")
        assert "older than its sources" in complaints(tree)
        (tree / "page/bench/more.js").unlink()
        built = (tree / BUILT).read_text()
        for kind, changed in (("script", built.replace("</script>\n</body>", " </script>\n</body>")), ("style", built.replace("</style>", " </style>")),
                              ("script", built.replace("script-src 'sha256-", "script-src 'sha256-A"))):
            assert changed != built
            (tree / BUILT).write_text(changed)
            assert f"its own {kind}" in complaints(tree) and complaints(tree).count("\n") == 1, complaints(tree)


if __name__ == "__main__":
    main()
