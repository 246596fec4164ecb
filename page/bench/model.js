// The document, taken apart with care: every name in it is a stranger's text, every number may be missing.

export const schema = "wye.bench/1";
export const groups = ["wye", "kernel", "peer"];
export const group_titles = { wye: "wye", kernel: "bare kernel", peer: "peers" };

// Characters that cannot be seen, or that turn the text beside them around.
const unseen = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

export const text = (v, most = 300) => {
    if (typeof v !== "string") return typeof v === "number" ? String(v) : "";
    const clean = v.replace(unseen, "\ufffd");
    return clean.length > most ? clean.slice(0, most - 1) + "\u2026" : clean;
};
// What no clock and no counter says would only make an axis endless.
export const number = (v) => (v === 0 || (typeof v === "number" && Math.abs(v) > 1e-9 && Math.abs(v) < 1e21) ? v : null);
const positive = (v) => (number(v) > 0 ? v : null);
const list = (v) => (Array.isArray(v) ? v : []);
const object = (v) => (v && typeof v === "object" && !Array.isArray(v) ? v : {});

// What is wrong with it as a whole, in a sentence; null where it can be shown.
export function complaint(document) {
    const said = document === null || typeof document !== "object" ? undefined : document.schema;
    if (said === schema) return null;
    if (said === undefined) return "There are no results in this page: its document says no schema.";
    const newer = /^wye\.bench\/(\d+)$/.exec(text(said));
    return newer && Number(newer[1]) > 1
        ? `These results have the form ${text(said)}, which is newer than this page: it knows ${schema}. Make the page with the wye that measured.`
        : `These results have the form "${text(said)}"; this page knows ${schema}.`;
}

const times = ["p50", "p90", "p99", "p99_9", "p99_99", "max", "mean", "ns"];
const amounts = [
    "size",
    "parties",
    "rate",
    "at_once",
    "gap_ns",
    "messages",
    "per_second",
    "bytes_per_second",
    "of_floor",
    "spread",
    "cpu_ns",
    "syscalls",
    "switches",
    "lost",
];

function result(r, by_name) {
    const out = { means: text(r.means), workload: text(r.workload), wait: text(r.wait) || null, note: text(r.note) };
    for (const key of [...times, ...amounts]) out[key] = number(r[key]);
    out.rounds = list(r.rounds)
        .map(number)
        .filter((n) => n !== null);
    out.curve = list(r.curve).filter(
        (at) => Array.isArray(at) && number(at[0]) !== null && at[0] >= 0 && at[0] < 100 && positive(at[1]),
    );
    if (!by_name.has(out.means))
        by_name.set(out.means, { name: out.means, group: "wye", version: "", missing: "", summary: "", index: by_name.size });
    out.of = by_name.get(out.means);
    return out;
}

export function model(document) {
    const by_name = new Map();
    for (const m of list(document.means).map(object)) {
        const name = text(m.name);
        const group = groups.includes(m.group) ? m.group : "peer";
        if (!by_name.has(name))
            by_name.set(name, {
                name,
                group,
                version: text(m.version),
                missing: text(m.missing),
                summary: text(m.summary),
                index: by_name.size,
            });
    }
    const results = list(document.results)
        .map(object)
        .map((r) => result(r, by_name));
    const machine = object(document.machine),
        floor = object(document.floor),
        noise = object(document.noise);
    return {
        results,
        means: [...by_name.values()],
        made: text(document.made),
        version: text(document.wye),
        mode: text(document.mode),
        seconds: number(document.seconds),
        complete: document.complete === true,
        rounds: number(document.rounds),
        floor: positive(floor.line_ns),
        floor_spread: number(floor.line_spread),
        wake: positive(floor.wake_ns),
        wake_spread: number(floor.wake_spread),
        machine: {
            cpu: text(machine.cpu),
            processors: number(machine.processors),
            kernel: text(machine.kernel),
            virtual: text(machine.virtual),
            governor: text(machine.governor),
            memory: positive(machine.memory_bytes),
            placement: object(machine.placement),
        },
        noise: {
            steal: number(noise.steal_percent),
            busy: number(noise.busy_percent),
            worst: number(noise.worst_spread),
            said: list(noise.said).map((s) => text(s)),
        },
    };
}

export const distinct = (results, key) =>
    [...new Set(results.map((r) => r[key]).filter((v) => v !== null))].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
export const median = (numbers) => {
    const sorted = [...numbers].sort((a, b) => a - b);
    return sorted.length ? sorted[sorted.length >> 1] : null;
};
