// The page of wye bench: the document that was put into it, drawn; and drawn again when something else is asked for.
import { choice, el, when_colours_change } from "./dom.js";
import { complaint, group_titles, groups, model } from "./model.js";
import { sections } from "./sections.js";
import { summary } from "./summary.js";
import { table } from "./table.js";
import { hide_tip } from "./tip.js";

const page = document.getElementById("page");

function document_inside() {
    try {
        return JSON.parse(document.getElementById("results").textContent);
    } catch {
        return null;
    }
}

function means_filter(m, state) {
    const there = m.means.filter((x) => !x.missing);
    const on = there.filter((x) => state.shows(x)).length;
    const chip = (x) =>
        el(
            "button",
            {
                type: "button",
                class: `chip of-${x.group}`,
                "aria-pressed": String(!state.off.has(x)),
                title: [x.version, x.summary].filter(Boolean).join(" \u00b7 ") || null,
                onclick: () => state.change(() => (state.off.has(x) ? state.off.delete(x) : state.off.add(x))),
            },
            el("bdi", {}, x.name),
        );
    const all = (title, f) => el("button", { type: "button", class: "plain", onclick: () => state.change(f) }, title);
    const details = el(
        "details",
        {
            class: "means",
            open: state.open,
            ontoggle: () => {
                state.open = details.open;
            },
        },
        el("summary", {}, `Means: ${on} of ${there.length}`),
        el(
            "p",
            {},
            all("all", () => state.off.clear()),
            " ",
            all("none", () => {
                state.off = new Set(there);
            }),
        ),
        groups.map((g) => {
            const members = there.filter((x) => x.group === g);
            return members.length
                ? el("div", { class: "chips" }, el("span", { class: "label" }, group_titles[g]), members.map(chip))
                : null;
        }),
    );
    return details;
}

function controls(m, state) {
    const used = groups.filter((g) => m.means.some((x) => x.group === g));
    return el(
        "nav",
        { class: "controls", "aria-label": "what is shown" },
        choice(
            "Values",
            [
                [false, "absolute"],
                [true, "as a ratio to F"],
            ],
            state.ratio,
            (v) =>
                state.change(() => {
                    state.ratio = v;
                }),
            m.floor === null,
        ),
        el(
            "div",
            { class: "choice", role: "group", "aria-label": "groups" },
            el("span", { class: "label" }, "Show"),
            used.map((g) =>
                el(
                    "button",
                    {
                        type: "button",
                        class: `of-${g}`,
                        "aria-pressed": String(state.groups.has(g)),
                        onclick: () => state.change(() => (state.groups.has(g) ? state.groups.delete(g) : state.groups.add(g))),
                    },
                    group_titles[g],
                ),
            ),
        ),
        means_filter(m, state),
    );
}

function show(m) {
    let charts = [],
        rows_of = null;
    const state = {
        ratio: false,
        groups: new Set(groups),
        off: new Set(),
        open: false,
        chosen: {},
        table: { key: null, down: false, text: "", workload: "" },
        get unit() {
            return { floor: m.floor, ratio: this.ratio };
        },
        shows(x) {
            return this.groups.has(x.group) && !this.off.has(x);
        },
        choose(slot, v) {
            this.change(() => {
                this.chosen[slot] = v;
            });
        },
        change(f) {
            f();
            draw();
        },
    };
    const panel = el("div", { class: "panel" }),
        body = el("div", { id: "charts" }),
        rows = el("div");
    const start = () => {
        charts.forEach((c) => c.measure());
        charts.forEach((c) => c.start());
    };
    const draw = () => {
        // Whoever pressed a button by its key finds it again: the same one of those that are there afterwards.
        const buttons = () => [...page.querySelectorAll("button, summary")];
        const held = buttons().indexOf(document.activeElement),
            at = scrollY;
        hide_tip();
        charts.forEach((c) => c.stop());
        const there = sections(m, state);
        // The table has thousands of cells, and stays while it is about the same means.
        const means = m.means.map((x) => state.shows(x)).join();
        if (means !== rows_of) (rows.replaceChildren(table(m, state)), (rows_of = means));
        panel.replaceChildren(controls(m, state));
        body.replaceChildren(
            ...(there.length
                ? there
                : [
                      el(
                          "p",
                          { class: "nothing" },
                          "Nothing is shown: no group or no means is chosen above, or nothing was measured.",
                      ),
                  ]),
        );
        charts = [...body.querySelectorAll(".lines")];
        start();
        buttons()[held]?.focus({ preventScroll: true });
        scrollTo(0, at);
    };
    page.replaceChildren(...summary(m).filter(Boolean), panel, body, rows);
    draw();
    when_colours_change(() => {
        charts.forEach((c) => c.stop());
        start();
    });
    new ResizeObserver(start).observe(body);
}

const inside = document_inside();
const wrong = complaint(inside);
try {
    if (wrong) page.replaceChildren(el("h1", {}, "wye bench"), el("p", { class: "nothing", role: "alert" }, wrong));
    else show(model(inside));
} catch (error) {
    console.error(error);
    page.prepend(el("p", { class: "nothing", role: "alert" }, `This document cannot be shown: ${error.message}`));
}
