// The sections of the page, and which of their cases is shown. One without figures does not appear.
// A workload is a stranger's word: what is looked up by it has no prototype.
import { axes, bar_chart, curve_chart, line_chart } from "./charts.js";
import { choice, el } from "./dom.js";
import { distinct } from "./model.js";

const refs = (m, wake) => [{ at: m.floor, label: "F" }, ...(wake ? [{ at: m.wake, label: "W" }] : [])];
const said = {
    __proto__: null,
    latency: "From one process to the other: half of the way there and back.",
    throughput: "One process sends as fast as it can, another takes.",
    wakeup: "How long a receiver takes to hear of a message after it has slept for a while.",
    "wakeup:many": "All who sleep on one channel are told one thing: how long till the last of them runs.",
    "throughput:batch": "Likewise, several messages handed over in one call.",
    fanout: "One sender, each message to all of the receivers.",
    rate: "The latency while so many messages a second are sent, asked for or not.",
    queue: "Several senders and takers; each message goes to one of the takers.",
    request: "A question and its answer: there and back.",
    "request:flight": "One client that has several questions on their way.",
    "request:answer": "A short question, and an answer of that size.",
    growth: "What it becomes with more of it.",
    "growth:channels": "Channels side by side: what opening one more takes.",
    idle: "What it costs while nothing is sent: processor time a second, by how many channels are open.",
    loan: "Written where it lies, and read where it lies: no copy.",
    "loan:worn": "The same after many loans of all sizes.",
    open: "From nothing to the first message.",
    "open:attach": "One more end of a channel that is there already.",
    "open:history": "Who comes late and asks for the last messages: how long till they are all there.",
    crash: "How long till the other end hears that its peer was killed.",
    "crash:sender": "The sender is killed: till the first message of a new one is there.",
    "crash:receiver": "The receiver is killed: till a new one has a new message.",
    "crash:sender:zombie": "Likewise, and nobody looks after the dead one.",
    "crash:receiver:zombie": "Likewise, and nobody looks after the dead one.",
    "crash:sender:user": "Likewise, and it was another user's.",
    "crash:receiver:user": "Likewise, and it was another user's.",
    "crash:sender:pidns": "Likewise, and it had a pid namespace of its own.",
    "crash:receiver:pidns": "Likewise, and it had a pid namespace of its own.",
    "crash:sender:stopped": "The sender stands still for 50 ms and goes on: till messages flow again.",
    "crash:receiver:stopped": "The receiver stands still for 50 ms and goes on: till messages flow again.",
    crowd: "More processes than processors.",
    video: "Frames of a video, one after the other.",
};
const titles = {
    __proto__: null,
    latency: "Latency",
    throughput: "Throughput",
    "throughput:batch": "Throughput in batches",
    wakeup: "Wake-up",
    "wakeup:many": "Waking many",
    fanout: "Fan-out",
    rate: "Latency at a rate",
    queue: "Work queue",
    request: "Request and answer",
    "request:flight": "Several questions at once",
    "request:answer": "A long answer",
    growth: "Growth",
    "growth:channels": "Many channels",
    idle: "Idle",
    loan: "Loans",
    "loan:worn": "Loans after many",
    open: "Opening",
    "open:attach": "Attaching",
    "open:history": "The history",
    crash: "A crash is noticed",
    "crash:sender": "After a sender's death",
    "crash:receiver": "After a receiver's death",
    "crash:sender:zombie": "After a sender's death, a zombie",
    "crash:receiver:zombie": "After a receiver's death, a zombie",
    "crash:sender:user": "After the death of another user's sender",
    "crash:receiver:user": "After the death of another user's receiver",
    "crash:sender:pidns": "After the death of a sender in another pid namespace",
    "crash:receiver:pidns": "After the death of a receiver in another pid namespace",
    "crash:sender:stopped": "A sender that stood still",
    "crash:receiver:stopped": "A receiver that stood still",
    crowd: "Crowd",
    video: "Video",
};
export const title_of = (workload) => titles[workload] ?? workload;

const time = (id, over) => ({
    id,
    title: "One way, 50th to 99th percentile",
    key: "p50",
    says: "median",
    kind: "time",
    high: "p99",
    ...over,
});
const messages = {
    title: "Messages a second",
    ratio_title: "Time a message, as a ratio to F (less is better)",
    key: "per_second",
    says: "messages",
    kind: "rate",
};
const bytes = {
    title: "Bytes a second",
    ratio_title: "Bytes in the time of F",
    key: "bytes_per_second",
    says: "bytes",
    kind: "byte_rate",
};
const cpu = { title: "Processor time a message, both sides", key: "cpu_ns", says: "processor time", kind: "time" };

// Charts in the order of the page; of those that say `by` lines are drawn where there are several, else rows.
const by_workload = {
    __proto__: null,
    latency: (m, absent) => [
        time("latency", { refs: refs(m, true), absent }),
        {
            curve: true,
            id: "latency-curves",
            title: "The whole distribution",
            about: "Each step to the right is one more nine: the tail is what a deadline meets.",
            refs: refs(m, true),
        },
    ],
    throughput: () => [
        { id: "throughput-messages", ...messages, by: "size", by_title: "bytes a message" },
        { id: "throughput-bytes", ...bytes, by: "size", by_title: "bytes a message" },
    ],
    wakeup: (m) => [
        time("wakeup", { title: "Till the sleeper hears", by: "gap_ns", by_title: "idle before", refs: refs(m, true) }),
    ],
    fanout: () => [
        {
            id: "fanout",
            ...messages,
            about: "Messages of the sender, each heard by all.",
            by: "parties",
            by_title: "processes, the sender among them",
        },
    ],
};
const unknown = (results, workload) =>
    (results.some((r) => r.p50 !== null)
        ? [time(workload, { title: titles[workload] ? "50th to 99th percentile" : "Time, 50th to 99th percentile" })]
        : results.some((r) => r.per_second !== null)
          ? [{ id: workload, ...messages }]
          : results.some((r) => r.ns !== null)
            ? [{ id: workload, title: "Time", key: "ns", says: "time", kind: "time" }]
            : [{ id: workload, ...cpu }]
    ).map((chart) => ({ ...chart, by: ["rate", "size", "parties", "at_once", "gap_ns"].find((key) => distinct(results, key).length > 1) }));

// Of several cases one is shown: which, is chosen. `but` is what the chart has as its axis.
function narrowed(results, state, id, but) {
    const controls = [];
    for (const [key, axis] of Object.entries(axes)) {
        const values = distinct(results, key);
        if (values.length < 2 || key === but) continue;
        const slot = `${id}.${key}`,
            usual = key === "size" && values.includes(64) ? 64 : values[0];
        const chosen = values.includes(state.chosen[slot]) ? state.chosen[slot] : usual;
        controls.push(
            choice(
                axis.title,
                values.map((v) => [v, axis.name(v)]),
                chosen,
                (v) => state.choose(slot, v),
            ),
        );
        results = results.filter((r) => r[key] === chosen || (key === "wait" && r[key] === null));
    }
    const first = new Map();
    for (const r of results) {
        const slot = JSON.stringify([r.means, but ? r[but] : null]);
        if (!first.has(slot)) first.set(slot, r);
    }
    return [controls, [...first.values()]];
}

function drawn(chart, results, unit) {
    if (chart.curve) return curve_chart(results, unit, chart);
    return (chart.by && line_chart(results, unit, chart)) || bar_chart(results, unit, chart);
}

function section(id, title, about, controls, figures) {
    const there = figures.filter(Boolean);
    return there.length
        ? el(
              "section",
              { id, class: there.length > 1 ? "whole" : "", "aria-labelledby": `${id}-title` },
              el("h2", { id: `${id}-title` }, title),
              about ? el("p", { class: "about" }, about) : null,
              controls.length ? el("div", { class: "choices" }, controls) : null,
              el("div", { class: "figures" }, there),
          )
        : null;
}

function workload_section(workload, results, m, state, place) {
    const absent = m.means.filter((x) => x.missing && state.shows(x));
    const charts = (by_workload[workload] ?? (() => unknown(results, workload)))(m, absent);
    const but = charts.find((c) => c.by)?.by;
    const [controls, here] = narrowed(results, state, workload, but);
    const id = by_workload[workload] ? workload : `workload-${place}`;
    return section(
        id,
        title_of(workload),
        said[workload],
        controls,
        charts.map((c) => drawn({ ...c, id: by_workload[workload] ? c.id : `${id}-chart` }, here, state.unit)),
    );
}

function cost_section(results, state) {
    const costly = results.filter((r) => r.cpu_ns !== null || r.syscalls !== null || r.switches !== null);
    const workloads = distinct(costly, "workload").sort((a, b) => order(a) - order(b));
    if (!workloads.length) return null;
    const wanted = state.chosen["cost.workload"],
        chosen = workloads.includes(wanted) ? wanted : workloads.includes("throughput") ? "throughput" : workloads[0];
    const [controls, here] = narrowed(
        costly.filter((r) => r.workload === chosen),
        state,
        "cost",
        null,
    );
    const pick = choice(
        "While",
        workloads.map((w) => [w, title_of(w).toLowerCase()]),
        chosen,
        (v) => state.choose("cost.workload", v),
    );
    return section(
        "cost",
        "Cost a message",
        "Both sides together. Daemons that a library needs count too; what the kernel does counts where it is charged to one of them.",
        [pick, ...controls],
        [
            bar_chart(here, state.unit, { id: "cost-cpu", ...cpu }),
            bar_chart(here, state.unit, {
                id: "cost-syscalls",
                title: "System calls",
                key: "syscalls",
                says: "system calls",
                kind: "count",
                log: false,
            }),
            bar_chart(here, state.unit, {
                id: "cost-switches",
                title: "Context switches",
                key: "switches",
                says: "context switches",
                kind: "count",
                log: false,
            }),
        ],
    );
}

export function sections(m, state) {
    const shown = m.results.filter((r) => state.shows(r.of));
    const there = [...new Set(m.results.map((r) => r.workload))];
    const first = Object.keys(by_workload),
        others = there.filter((w) => !first.includes(w)).sort((a, b) => order(a) - order(b));
    const of = (workload, place) =>
        workload_section(
            workload,
            shown.filter((r) => r.workload === workload),
            m,
            state,
            place,
        );
    return [...first.map(of), cost_section(shown, state), ...others.map(of)].filter(Boolean);
}
const order = (workload) => (workload in titles ? Object.keys(titles).indexOf(workload) : 99);
