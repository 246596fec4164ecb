// Every result, and every means that could not be measured, sorted by whatever column is asked for.
import { axes } from "./charts.js";
import { el } from "./dom.js";
import { group_titles } from "./model.js";
import { title_of } from "./sections.js";
import * as words from "./words.js";

const column = (key, title, format, about) => ({ key, title, format, about, number: true });
const word = (key, title, value) => ({ key, title, value, number: false });
const columns = [
    word("means", "Means", (r) => r.of.name),
    word("group", "Group", (r) => group_titles[r.of.group]),
    word("workload", "Workload", (r) => title_of(r.workload)),
    word("wait", "Receiver", (r) => (r.wait ? axes.wait.name(r.wait) : "")),
    column("size", "Size", words.bytes),
    column("parties", "Processes", String),
    column("rate", "Asked for", words.rate),
    column("gap_ns", "Idle before", words.time),
    column("p50", "p50", words.time),
    column("p90", "p90", words.time),
    column("p99", "p99", words.time),
    column("p99_9", "p99.9", words.time),
    column("p99_99", "p99.99", words.time),
    column("max", "max", words.time),
    column("mean", "mean", words.time),
    column("ns", "A message", words.time),
    column("per_second", "Messages", words.rate),
    column("bytes_per_second", "Bytes", words.byte_rate),
    column("of_floor", "\u00d7\u202fF", words.count, "the median, or the time of a message, divided by F"),
    column("spread", "Rounds differ", words.percent),
    column("cpu_ns", "Processor", words.time, "processor time a message, both sides"),
    column("syscalls", "Calls", words.count, "system calls a message"),
    column("switches", "Switches", words.count, "context switches a message"),
    column("lost", "Lost", words.count),
    column("messages", "Measured", words.count, "messages"),
    word("note", "Note", (r) => r.note),
];
const raw = (c, r) => (c.number ? r[c.key] : c.value(r).toLowerCase() || null);

// What is not known comes last, whichever way it is sorted.
function sorted(rows, { key, down }) {
    const c = columns.find((x) => x.key === key);
    if (!c) return rows;
    const valued = rows.map((r) => [raw(c, r), r]);
    return valued
        .sort(([a], [b]) => (a === b ? 0 : a === null ? 1 : b === null ? -1 : (a < b ? -1 : 1) * (down ? -1 : 1)))
        .map(([, r]) => r);
}

function cell(c, r) {
    if (!c.number)
        return el(
            "td",
            { class: c.key },
            el(
                "bdi",
                { title: c.key === "means" ? [r.of.version, r.of.summary].filter(Boolean).join(" \u00b7 ") || null : null },
                c.value(r),
            ),
        );
    const wide = c.key === "spread" && r.spread >= 0.2;
    return el("td", { class: `number${wide ? " doubtful" : ""}` }, r[c.key] === null ? "" : c.format(r[c.key]));
}

const absent_row = (m, used) =>
    el(
        "tr",
        { class: "absent" },
        el("td", { class: "means" }, el("bdi", {}, m.name)),
        el("td", {}, group_titles[m.group]),
        el("td", { colspan: String(used.length - 2) }, "not measured: ", m.missing),
    );

export function table(m, state) {
    const part = state.table;
    const shown = m.results.filter((r) => state.shows(r.of));
    const used = columns.filter((c) =>
        !c.number ? c.key !== "note" || m.results.some((r) => r.note) : m.results.some((r) => r[c.key] !== null),
    );
    const workloads = [...new Set(m.results.map((r) => r.workload))];
    const body = el("tbody"),
        head = el("tr"),
        counted = el("span", { class: "label" });
    const fill = () => {
        const wanted = part.text.toLowerCase();
        const has = (...texts) => !wanted || texts.some((t) => t.toLowerCase().includes(wanted));
        const rows = sorted(
            shown.filter(
                (r) =>
                    (!part.workload || r.workload === part.workload) &&
                    has(r.of.name, group_titles[r.of.group], r.note, title_of(r.workload)),
            ),
            part,
        );
        const absent = m.means.filter((x) => x.missing && state.shows(x) && has(x.name, x.missing));
        body.replaceChildren(
            ...rows.map((r) =>
                el(
                    "tr",
                    { class: `of-${r.of.group}` },
                    used.map((c) => cell(c, r)),
                ),
            ),
            ...absent.map((x) => absent_row(x, used)),
        );
        counted.textContent = words.plural(rows.length, "row", "rows") + (absent.length ? `, ${absent.length} not measured` : "");
        head.replaceChildren(
            ...used.map((c) =>
                el(
                    "th",
                    {
                        scope: "col",
                        class: c.number ? "number" : "",
                        title: c.about,
                        "aria-sort": part.key !== c.key ? "none" : part.down ? "descending" : "ascending",
                    },
                    el(
                        "button",
                        {
                            type: "button",
                            "data-sort": c.key,
                            onclick: () => {
                                part.down = part.key === c.key ? !part.down : false;
                                part.key = c.key;
                                fill();
                                head.querySelector(`[data-sort="${c.key}"]`).focus();
                            },
                        },
                        c.title,
                    ),
                ),
            ),
        );
    };
    fill();
    const search = el("input", {
        type: "search",
        placeholder: "name, group, note",
        "aria-label": "only rows with",
        value: part.text,
        oninput: (e) => {
            part.text = e.target.value;
            fill();
        },
    });
    const pick = el(
        "select",
        {
            "aria-label": "workload",
            onchange: (e) => {
                part.workload = e.target.value;
                fill();
            },
        },
        el("option", { value: "" }, "all workloads"),
        workloads.map((w) => el("option", { value: w, selected: w === part.workload }, title_of(w))),
    );
    return el(
        "section",
        { id: "table", "aria-labelledby": "table-title" },
        el("h2", { id: "table-title" }, "All results"),
        el("p", { class: "about" }, "A column's name sorts by it. Times are one way where a message goes one way."),
        el("div", { class: "choices" }, pick, search, counted),
        el(
            "div",
            { class: "scroll", tabindex: "0", role: "region", "aria-label": "all results" },
            el("table", {}, el("thead", {}, head), body),
        ),
    );
}
