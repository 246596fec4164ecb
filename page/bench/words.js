// Numbers as people read them: three digits that count, and a unit.

const three = (v) =>
    (v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2)).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
const scaled = (v, step, units) => {
    let at = 0;
    while (v >= step * 0.9995 && at < units.length - 1) ((v /= step), ++at);
    return `${v >= 1000 ? Math.round(v) : three(v)}${units[at] ? "\u202f" + units[at] : ""}`;
};

export const time = (ns) => (ns === null ? "" : ns === 0 ? "0" : scaled(ns, 1000, ["ns", "\u00b5s", "ms", "s"]));
export const rate = (v) => (v === null ? "" : scaled(v, 1000, ["/s", "k/s", "M/s", "G/s"]));
export const byte_rate = (v) => (v === null ? "" : scaled(v, 1024, ["B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s"]));
export const bytes = (v) => (v === null ? "" : scaled(v, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]));
export const ratio = (v) =>
    v === null
        ? ""
        : `${v >= 10000 ? scaled(v, 1000, ["", "k", "M"]) : v >= 1000 ? Math.round(v) : v > 0 && v < 0.01 ? v.toPrecision(2) : three(v)}\u202f\u00d7\u202fF`;
export const count = (v) =>
    v === null ? "" : v === 0 ? "0" : v < 0.01 ? "<0.01" : v >= 10000 ? scaled(v, 1000, ["", "k", "M", "G"]) : three(v);
export const percent = (v) =>
    v === null ? "" : `${v * 100 < 9.95 && v > 0 ? three(Math.round(v * 1000) / 10) : Math.round(v * 100)}\u202f%`;
export const plural = (n, one, more) => `${n}\u00a0${n === 1 ? one : more}`;
