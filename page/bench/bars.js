// A row a means, sorted: a dot with a whisker where values span decades, a bar from zero where they do not.
import { el } from "./dom.js";
import { group_titles } from "./model.js";
import { place, round_values } from "./scale.js";
import { tipped } from "./tip.js";

const share = (v) => `${(100 * Math.min(1, Math.max(0, v))).toFixed(3)}%`;

function ends(rows, refs, log) {
    const all = rows.flatMap((r) => [r.value, r.high ?? r.value]).concat(refs.map((r) => r.at));
    const high = Math.max(...all);
    if (!log) return [0, high > 0 ? high * 1.02 : 1];
    const positive = all.filter((v) => v > 0);
    return [Math.min(...positive) / 1.35, Math.max(...positive) * 1.15];
}

function mark(r, log, at) {
    if (!log) return el("i", { class: "bar", at: { width: share(at(r.value)) } });
    return [
        r.high > r.value
            ? el("i", { class: "whisker", at: { left: share(at(r.value)), width: share(at(r.high) - at(r.value)) } })
            : null,
        el("i", { class: "dot", at: { left: share(at(r.value)) } }),
    ];
}

// rows: {of, value, high, text, tip: () => lines}; refs: {at, label}
export function bars(rows, { log = true, refs = [], format, binary = false, ascending = true }) {
    const usable = rows.filter((r) => !log || r.value > 0).sort((a, b) => (ascending ? a.value - b.value : b.value - a.value));
    if (!usable.length) return null;
    const shown_refs = refs.filter((r) => r.at !== null && (!log || r.at > 0));
    const [low, high] = ends(usable, shown_refs, log);
    const at = (v) => place(v, low, high, log);
    const ticks = round_values(low, high, log, binary);
    const grid = el(
        "div",
        { class: "grid" },
        el("span"),
        el(
            "div",
            { class: "track" },
            ticks.map((t) => el("i", { class: "tick", at: { left: share(at(t)) } })),
            shown_refs.map((r) => el("i", { class: "ref", at: { left: share(at(r.at)) } })),
        ),
        el("span"),
    );
    const above = shown_refs.length
        ? el(
              "div",
              { class: "row axis" },
              el("span"),
              el(
                  "div",
                  { class: "track" },
                  shown_refs.map((r) =>
                      el("b", { class: at(r.at) > 0.6 ? "left" : "right", at: { left: share(at(r.at)) } }, r.label),
                  ),
              ),
              el("span"),
          )
        : null;
    const below = el(
        "div",
        { class: "row axis" },
        el("span"),
        el(
            "div",
            { class: "track" },
            ticks.filter((t) => at(t) > 0.001 || !log).map((t) => el("small", { at: { left: share(at(t)) } }, format(t))),
        ),
        el("span"),
    );
    return el(
        "div",
        { class: "bars", "data-rows": String(usable.length) },
        grid,
        above,
        usable.map((r) =>
            tipped(
                el(
                    "div",
                    { class: `row of-${r.of.group}` },
                    el("bdi", { class: "name", title: `${r.of.name} (${group_titles[r.of.group]})` }, r.of.name),
                    el("div", { class: "track" }, mark(r, log, at)),
                    el("span", { class: "value" }, r.text),
                ),
                r.tip,
            ),
        ),
        below,
    );
}
