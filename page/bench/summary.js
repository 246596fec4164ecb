// The head of the page: on what, how well, and what came of it in a few numbers.
import { el } from "./dom.js";
import { group_titles, groups, median, number, text } from "./model.js";
import * as words from "./words.js";

const facts = (pairs) =>
    el(
        "dl",
        { class: "facts" },
        pairs.filter(([, v]) => v).map(([k, v]) => el("div", {}, el("dt", {}, k), el("dd", {}, v))),
    );

function where(m) {
    const { cpu, processors, kernel, virtual, memory, placement } = m.machine;
    const first = number(placement.first),
        second = number(placement.second);
    return facts([
        ["Processor", cpu],
        ["Processors", processors === null ? "" : String(processors)],
        [
            "The two ends",
            [first !== null && second !== null ? `processors ${first} and ${second}` : "", text(placement.relation)]
                .filter(Boolean)
                .join(": "),
        ],
        ["Memory", words.bytes(m.machine.memory)],
        ["Kernel", kernel],
        ["Machine", virtual ? `virtual (${virtual})` : "not virtual, as far as it says"],
        ["wye", m.version],
        [
            "Measured",
            [m.made.replace("T", " ").replace("Z", " UTC"), m.mode, m.seconds === null ? "" : `${Math.round(m.seconds)}\u202fs`]
                .filter(Boolean)
                .join(", "),
        ],
        ["Rounds", m.rounds === null ? "" : `${m.rounds} of each case`],
    ]);
}

const card = (title, big, small, kind = "") =>
    el("div", { class: `card ${kind}` }, el("h3", {}, title), el("p", { class: "big" }, big), el("p", { class: "small" }, small));

function floors(m) {
    const spread = (v) => (v === null ? "" : ` Rounds differ by ${words.percent(v)}.`);
    return [
        card("F, the floor", m.floor === null ? "not measured" : words.time(m.floor), [
            "A cache line from one process to another that polls: no message arrives sooner.",
            spread(m.floor_spread),
        ]),
        card("W, the wake-up", m.wake === null ? "not measured" : words.time(m.wake), [
            "A sleeper woken by a futex: whoever sleeps for a message hears no sooner.",
            spread(m.wake_spread),
        ]),
    ];
}

function best(title, results, key, better, format) {
    const lines = groups
        .map((group) => {
            const there = results.filter((r) => r.of.group === group && r[key] > 0);
            if (!there.length) return null;
            const r = there.reduce((a, b) => (better(b[key], a[key]) ? b : a));
            return el(
                "li",
                { class: `of-${group}` },
                el("span", { class: "group" }, group_titles[group]),
                el("bdi", {}, r.of.name),
                el("b", {}, format(r[key])),
            );
        })
        .filter(Boolean);
    return lines.length ? el("div", { class: "card" }, el("h3", {}, title), el("ul", { class: "best" }, lines)) : null;
}

function bests(m) {
    const of = (workload, size, wait) =>
        m.results.filter((r) => r.workload === workload && r.size === size && (!wait || r.wait === wait));
    const sizes = (workload) => m.results.filter((r) => r.workload === workload && r.size > 0).map((r) => r.size);
    const small = (workload) => (sizes(workload).includes(64) ? 64 : Math.min(...sizes(workload))),
        large = Math.max(...sizes("throughput"));
    const less = (a, b) => a < b,
        more = (a, b) => a > b,
        s = small("latency"),
        t = small("throughput");
    return [
        best(`Quickest to a sleeper, ${words.bytes(s)}`, of("latency", s, "block"), "p50", less, words.time),
        best(`Quickest while polling, ${words.bytes(s)}`, of("latency", s, "poll"), "p50", less, words.time),
        best(`Most messages, ${words.bytes(t)}`, of("throughput", t), "per_second", more, words.rate),
        best(`Most bytes, ${words.bytes(large)} each`, of("throughput", large), "bytes_per_second", more, words.byte_rate),
    ].filter(Boolean);
}

// What there is to say against these figures, the gravest first.
function doubts(m) {
    const spreads = m.results.map((r) => r.spread).filter((v) => v !== null),
        worst = m.noise.worst ?? (spreads.length ? Math.max(...spreads) : null);
    const { steal, busy } = m.noise,
        { relation } = m.machine.placement,
        out = [];
    let level = 0;
    const say = (grave, what) => {
        level = Math.max(level, grave);
        out.push(what);
    };
    if (worst !== null) {
        const typical = median(spreads),
            wide = spreads.filter((v) => v >= 0.2).length;
        say(
            worst >= 0.5 || wide > spreads.length / 5 ? 2 : worst >= 0.15 ? 1 : 0,
            `The rounds of a case differ by ${words.percent(typical ?? worst)} typically, by ${words.percent(worst)} at worst: between two means, a difference smaller than that says nothing.` +
                (wide
                    ? ` ${words.plural(wide, "case differs", "cases differ")} by 20\u202f% or more; their values are marked \u00b1.`
                    : ""),
        );
    }
    if (steal !== null && steal >= 0.05)
        say(steal >= 1 ? 2 : 0, `The host took ${words.percent(steal / 100)} of the processors' time away.`);
    if (busy !== null)
        say(busy >= 20 ? 2 : busy >= 5 ? 1 : 0, `Other programs used ${words.percent(busy / 100)} of the processors meanwhile.`);
    if (m.machine.virtual)
        say(0, "It is a virtual machine: what its neighbours do cannot be seen from here, and waking a processor costs more.");
    if (!m.machine.governor) say(0, "How the processors' clock is governed could not be read.");
    else if (m.machine.governor !== "performance")
        say(1, `The processors' clock is governed by "${m.machine.governor}": it may have changed while this was measured.`);
    if (text(relation) === "one processor")
        say(1, "There was one processor for both ends, so nothing could be polled and every message is a switch.");
    else if (text(relation) === "same core")
        say(0, "Both ends shared a core, as two threads of it: they share its cache, and slow each other while both compute.");
    return [level, out];
}

function noise(m) {
    const [level, out] = doubts(m);
    const said = m.noise.said.length
        ? el(
              "details",
              {},
              el("summary", {}, words.plural(m.noise.said.length, "case", "cases"), " that wavered most"),
              el(
                  "ul",
                  {},
                  m.noise.said.map((s) => el("li", {}, s)),
              ),
          )
        : null;
    return el(
        "aside",
        { class: `noise level-${level}` },
        el("h2", {}, ["Noise: little", "Noise: some", "Noise: much"][level]),
        el(
            "ul",
            {},
            out.map((s) => el("li", {}, s)),
        ),
        said,
    );
}

export function summary(m) {
    return [
        el(
            "header",
            {},
            el("h1", {}, "wye bench"),
            el(
                "p",
                { class: "about" },
                "What it costs two processes to talk, by every means of this machine: ",
                `${words.plural(m.results.length, "result", "results")} of ${words.plural(m.means.filter((x) => !x.missing).length, "means", "means")}.`,
            ),
        ),
        m.complete
            ? null
            : el(
                  "aside",
                  { class: "noise level-2", id: "incomplete" },
                  el("h2", {}, "Ended early"),
                  el("p", {}, "What is here was measured; what is missing was not reached."),
              ),
        where(m),
        el("div", { class: "cards" }, floors(m), bests(m)),
        noise(m),
    ];
}
