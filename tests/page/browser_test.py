#!/usr/bin/env python3
"""The page of wye bench in a browser, made from sample.json (figures that are made up, in the form of wye bench --json).

usage: browser_test.py REPORT [PICTURES]    REPORT: tests/report; the screenshots are left in PICTURES. 77: no Chromium.
"""
import copy
import json
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import chromium  # noqa: E402

REPORT = sys.argv[1]
SAMPLE = json.loads((pathlib.Path(__file__).parent / "sample.json").read_text())
CHARTS = {"latency", "latency-curves", "throughput-messages", "throughput-bytes", "wakeup", "fanout", "cost-cpu", "cost-syscalls", "cost-switches"}
HOSTILE = "</script><img src=x onerror=alert(1)>"

# How many of a canvas' points are drawn, of a hundred: of the whole, and where the lines have their names.
INK = """[...document.querySelectorAll(".lines canvas")].flatMap((c) => {
  const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
  const n = [0, 0];
  for (let i = 3; i < d.length; i += 4) if (d[i] > 0) ++n[0], n[1] += (i / 4) % c.width > 0.8 * c.width;
  return [400 * n[0] / d.length, 2000 * n[1] / d.length];
})"""
# Whoever reads a word must tell it from what lies behind it (WCAG: 4.5); a line has the colour of its name.
CONTRAST = """(() => {
  const light = (name) => {
    const probe = document.createElement("i");
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    const [r, g, b] = getComputedStyle(probe).color.match(/\\d+/g).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    probe.remove();
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const all = {};
  for (const name of ["ink", "soft", "ref", ...["wye", "kernel", "peer"].flatMap((g) => [0, 1, 2].map((i) => `${g}-${i}`))]) {
    const [a, b] = [light(name), light("card")].sort((x, y) => x - y);
    all[name] = (b + 0.05) / (a + 0.05);
  }
  return all;
})()"""


def press(text):
    return f"""[...document.querySelectorAll("button")].find((b) => b.textContent === {json.dumps(text)}).click()"""


class Page:
    """One document, shown."""

    def __init__(self, browser, scratch, document):
        self.browser = browser
        self.path = pathlib.Path(scratch) / "page.html"
        self.pictures = pathlib.Path(scratch) / "pictures"
        source = pathlib.Path(scratch) / "document.json"
        source.write_text(json.dumps(document) if document is not None else "{")
        subprocess.run([REPORT, source, self.path, self.pictures], check=False, timeout=30, stderr=subprocess.DEVNULL)

    def show(self, **how):
        self.browser.open(self.path, **how)
        return self

    def get(self, expression):
        return self.browser.value(expression)

    def charts(self):
        return self.get("""[...document.querySelectorAll("figure")].map((f) => f.dataset.chart)""")

    def sound(self):
        """Nothing went wrong, nothing came from elsewhere, nothing is wider than the window."""
        assert not list(self.browser.said()), list(self.browser.said())
        assert set(self.browser.loaded()) == {self.path.resolve().as_uri()}, self.browser.loaded()
        assert self.get("document.documentElement.scrollWidth <= innerWidth"), "it is wider than the window"
        assert self.get("document.querySelectorAll('img, iframe, object, embed, link, svg').length") == 0
        return self

    def point_at(self, selector, right=0.5, down=0.5):
        """Puts the pointer there, and answers what is said beside it."""
        self.get(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'center'}})")
        box = self.get(f"(() => {{ const r = document.querySelector({json.dumps(selector)}).getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; }})()")
        for nudge in (2, 0):
            self.browser.ask("Input.dispatchMouseEvent", type="mouseMoved", x=box[0] + box[2] * right + nudge, y=box[1] + box[3] * down)
        self.get("new Promise((f) => setTimeout(f, 150))")
        return self.get("""[...document.querySelectorAll(".tip:not([hidden])")].map((t) => t.innerText).join("")""")


def everything_is_drawn(page):
    page.show().sound()
    assert CHARTS <= set(page.charts()), page.charts()
    ink = page.get(INK)
    assert len(ink) >= 10 and min(ink) > 1, ink
    rows = page.get("""[...document.querySelectorAll(".bars")].map((b) => b.querySelectorAll(".dot, .bar").length)""")
    assert rows and min(rows) > 1, rows
    sleeping = {r["means"] for r in SAMPLE["results"] if r["workload"] == "latency" and r["wait"] == "block" and r["size"] == 64}
    assert page.get("""document.querySelectorAll("[data-chart=latency] .dot").length""") == len(sleeping)
    assert page.get("""document.querySelector("[data-chart=latency-curves] .lines").dataset.series""") == str(len(sleeping))


def the_head_says_where_and_how_well(page):
    text = page.show().get("document.querySelector('main').innerText")
    for said in ("Intel(R) Xeon(R) Gold 6338", "54.3\u202fns", "4.12\u202f\u00b5s", "same core", "quick", "2026-11-29 11:00:00 UTC", "0.1.0", "6.1.0-28-amd64", "virtual (kvm)", "at worst"):
        assert said in text, said
    assert page.get("document.querySelector('#incomplete')") is None
    assert "Leon Sorokin" in page.get("document.querySelector('footer').textContent")


def a_name_is_only_text(page):
    page.show()
    assert page.get(f"""[...document.querySelectorAll("td.means")].some((t) => t.textContent === {json.dumps(HOSTILE)})""")
    assert page.get("document.scripts.length") == 2
    assert not page.get("document.querySelector('main').outerHTML.includes('\\u202e')"), "a name turns the text around"


def what_could_not_be_measured_is_a_row(page):
    page.show()
    row = page.get("""document.querySelector("tr.absent").innerText""")
    assert "gRPC" in row and "./dev setup --peers" in row, row
    assert page.get("""document.querySelectorAll("tbody tr").length""") == len(SAMPLE["results"]) + 1
    assert "gRPC" in page.get("""document.querySelector("[data-chart=latency] .absent").textContent""")


def ratios_to_the_floor(page):
    page.show().get(press("as a ratio to F"))
    values = page.get("""[...document.querySelectorAll("[data-chart=latency] .value")].map((v) => v.textContent)""")
    assert values and all("\u00d7\u202fF" in v for v in values), values
    assert CHARTS <= set(page.charts()) and min(page.get(INK)) > 1
    titles = page.get("""[...document.querySelectorAll("figcaption strong")].map((t) => t.textContent)""")
    assert any("ratio to F" in t for t in titles), titles
    first = page.get("""document.querySelector("[data-chart=latency] .row:not(.axis)").innerText""")
    best = min((r for r in SAMPLE["results"] if r["workload"] == "latency" and r["wait"] == "block" and r["size"] == 64), key=lambda r: r["p50"])
    assert best["means"] in first and f"{best['of_floor']:.1f}" in first, first
    page.get(press("absolute"))
    assert "\u00d7\u202fF" not in page.get("""document.querySelector("[data-chart=latency]").textContent""")
    page.sound()


def filters(page):
    page.show()
    rows = """document.querySelectorAll("[data-chart=latency] .row:not(.axis)").length"""
    before = page.get(rows)
    page.get(press("peers"))
    assert page.get("""document.querySelectorAll(".bars .of-peer, tbody .of-peer, tr.absent").length""") == 0
    page.get(press("peers"))
    page.get(press("pipe"))
    assert page.get(rows) == before - 1
    page.get(press("none"))
    assert page.charts() == [] and "Nothing is shown" in page.get("document.querySelector('#charts').innerText")
    page.get(press("all"))
    assert page.get(rows) == before
    page.get(press("polls"))
    assert 1 < page.get(rows) < before
    page.sound()


def the_table_sorts(page):
    page.show()
    column = """[...document.querySelectorAll("thead th")].findIndex((t) => t.textContent === "p50")"""
    cells = f"""[...document.querySelectorAll("tbody tr:not(.absent)")].map((r) => r.cells[{column}].textContent)"""
    named = """[...document.querySelectorAll("tbody tr:not(.absent) td.means")].map((c) => c.textContent)"""
    known = sorted(r["p50"] for r in SAMPLE["results"] if r["p50"] is not None)
    fastest = {r["means"] for r in SAMPLE["results"] if r["p50"] == known[0]}
    slowest = {r["means"] for r in SAMPLE["results"] if r["p50"] == known[-1]}
    for wanted, order in ((fastest, "ascending"), (slowest, "descending")):
        page.get("document.querySelector('[data-sort=p50]').click()")
        assert page.get("document.querySelector('[data-sort=p50]').parentElement.ariaSort") == order
        assert page.get(named)[0] in wanted
        texts = page.get(cells)
        assert all(texts[:len(known)]) and not any(texts[len(known):]), "what is not known is not last"
    page.get("document.querySelector('[data-sort=means]').click()")
    names = page.get(named)
    assert names == sorted(names, key=str.lower), names
    page.get("""{const i = document.querySelector("input[type=search]"); i.value = "iceoryx"; i.dispatchEvent(new Event("input"));}""")
    assert set(page.get(named)) == {"iceoryx"}


def the_pointer_shows_values(page):
    page.show()
    said = page.point_at("[data-chart=latency] .row:not(.axis) .track")
    assert "bare futex" in said and "\u00d7\u202fF" in said and "p99.9" in said, said
    said = page.point_at("[data-chart=fanout] .u-over", right=0.96, down=0.1)
    assert "shm" in said and "/s" in said, said
    said = page.point_at("h1")
    assert said == "", said


def only_what_there_is_appears(browser, scratch):
    document = {**SAMPLE, "results": [r for r in SAMPLE["results"] if r["workload"] == "wakeup" and r["gap_ns"] == 1000000], "complete": False}
    page = Page(browser, scratch, document).show().sound()
    assert set(page.charts()) == {"wakeup", "cost-cpu", "cost-syscalls", "cost-switches"}, page.charts()
    assert page.get("document.querySelector('#incomplete').innerText").startswith("Ended early")
    page = Page(browser, scratch, {"schema": "wye.bench/1"}).show().sound()
    assert page.charts() == [] and "nothing was measured" in page.get("document.body.innerText")
    assert page.get("[...document.querySelectorAll('button')].find((b) => b.textContent === 'as a ratio to F').disabled"), "a ratio to what was not measured"


def another_document_is_a_sentence(browser, scratch):
    for document, said in (({**SAMPLE, "schema": "wye.bench/2"}, "newer than this page"), ({**SAMPLE, "schema": "wye.tour/1"}, "wye.tour/1"),
                           ({}, "says no schema"), ([], "says no schema"), (None, "no results")):
        page = Page(browser, scratch, document).show().sound()
        assert said in page.get("document.querySelector('[role=alert]').innerText"), page.get("document.body.innerText")
        assert page.charts() == []


def strange_documents_are_shown_too(browser, scratch):
    strange = copy.deepcopy(SAMPLE)
    for workload, r in zip(("constructor", "__proto__", "toString", "", "<b>new</b>", "idle", 7), strange["results"]):
        r["workload"] = workload
    for value, r in zip((None, "12", -1, 0, 1e300, 1e-300, [], {"a": 1}, True), strange["results"][20:]):
        r.update({key: value for key in ("p50", "p99", "size", "wait", "per_second", "cpu_ns", "curve", "rounds", "spread", "note")})
    strange["results"] += [None, 3, "x", [], {"means": {"a": 1}}, {"means": "unheard of", "workload": "latency", "p50": 1e4, "wait": "block", "size": 64}]
    strange["means"] += [None, {"name": 3, "group": "constructor", "missing": ["x"]}]
    Page(browser, scratch, strange).show().sound()
    for key in ("machine", "floor", "noise", "means", "results", "made", "rounds", "seconds"):
        for value in (None, 3, "x", [], {"a": {}}):
            page = Page(browser, scratch, {**SAMPLE, "results": SAMPLE["results"][:8], key: value}).show().sound()
            assert page.get("document.querySelector('[role=alert]')") is None, (key, value)


def the_policy_holds(page):
    page.show().get("""{const s = document.createElement("script"); s.textContent = "document.title = 'ran'"; document.body.append(s);
      const i = document.createElement("img"); i.src = "https://wye.invalid/x.png"; document.body.append(i);}""")
    page.get("fetch('https://wye.invalid/').catch(() => 0)")
    page.get("new Promise((f) => setTimeout(f, 100))")
    assert page.get("document.title") == "wye bench", "a script that was put in ran"
    said = " ".join(page.browser.said())
    assert said.count("Content Security Policy") >= 3, said


def pictures_are_pictures(page):
    drawn = sorted(p.name for p in page.pictures.glob("*.svg"))
    assert drawn == ["cost.svg", "fanout.svg", "latency.svg", "throughput.svg", "wakeup.svg"], drawn
    for name in drawn:
        for dark in (False, True):
            page.browser.open(page.pictures / name, width=900, dark=dark)
            assert not list(page.browser.said()), list(page.browser.said())
            assert page.browser.value("document.documentElement.nodeName") == "svg" and page.browser.value("document.querySelectorAll('img, script').length") == 0
            wide = page.browser.value("[...document.querySelectorAll('text')].filter((t) => { const b = t.getBBox(); return b.x < 0 || b.x + b.width > 900; }).map((t) => t.textContent)")
            assert not wide, f"{name}: {wide} goes over the edge"


def every_eye_can_read_it(page, kept):
    for name, how in (("light", {}), ("narrow", {"width": 400}), ("dark", {"dark": True}), ("dark-narrow", {"width": 400, "dark": True})):
        page.show(**how).sound()
        assert min(page.get(INK)) > 1
        for colour, contrast in page.get(CONTRAST).items():
            assert contrast >= 4.5, (name, colour, contrast)
        if kept:
            page.browser.picture(kept / f"{name}.png")


def main():
    if not chromium.program():
        print("skipped: no Chromium: ./dev setup --page")
        return 77
    kept = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, chromium.Chromium() as browser:
        page = Page(browser, scratch, SAMPLE)
        for test in (everything_is_drawn, the_head_says_where_and_how_well, a_name_is_only_text, what_could_not_be_measured_is_a_row,
                     ratios_to_the_floor, filters, the_table_sorts, the_pointer_shows_values, the_policy_holds, pictures_are_pictures):
            began = time.monotonic()
            test(page)
            print(f"{test.__name__.replace('_', ' ')}: {time.monotonic() - began:.1f} s", flush=True)
        every_eye_can_read_it(page, kept)
        for test in (only_what_there_is_appears, another_document_is_a_sentence, strange_documents_are_shown_too):
            test(browser, scratch)
            print(test.__name__.replace("_", " "), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
