// From results to one chart: rows where each means has one value, lines where it has several.
import { bars } from "./bars.js";
import { el, figure } from "./dom.js";
import { reading } from "./kinds.js";
import { lines } from "./lines.js";
import { distinct } from "./model.js";
import * as words from "./words.js";

// What tells one case of a workload from another, in the order in which it is asked for.
export const axes = {
    wait: { title: "Receiver", name: (v) => (v === "block" ? "sleeps" : v === "poll" ? "polls" : v) },
    size: { title: "Size", name: words.bytes },
    parties: { title: "Processes", name: String },
    rate: { title: "Asked for", name: words.rate },
    at_once: { title: "At once", name: String },
    gap_ns: { title: "Idle before", name: words.time },
};

export const case_of = (r) =>
    Object.entries(axes)
        .filter(([key]) => r[key] !== null)
        .map(([key, a]) => `${a.title.toLowerCase()} ${a.name(r[key])}`)
        .join(", ");

const wavers = (r) => (r.spread !== null && r.spread >= 0.1 ? `rounds differ by ${words.percent(r.spread)}` : null);

function tip_of(r, show) {
    const tail = ["p90", "p99", "p99_9", "max"]
        .filter((k) => r[k] !== null)
        .map((k) => `${k.replace("_", ".")} ${words.time(r[k])}`);
    return [
        r.of.name,
        case_of(r),
        ...show,
        tail.length ? tail.join(" \u00b7 ") : null,
        r.messages !== null ? `${words.count(r.messages)} messages` : null,
        wavers(r),
        r.note || null,
    ].filter(Boolean);
}

const tail = "A dot is the median, its whisker ends at the 99th percentile.";
const not_measured = (means) =>
    means.map((m) => el("p", { class: "absent" }, el("bdi", {}, m.name), ": not measured. ", m.missing));

// options: {id, title, about, key, kind, high, log, refs, absent}
export function bar_chart(results, unit, o) {
    const read = reading(o.kind, unit);
    const rows = results
        .filter((r) => r[o.key] !== null)
        .map((r) => ({
            of: r.of,
            value: read.of(r[o.key]),
            high: o.high && r[o.high] !== null ? read.of(r[o.high]) : null,
            text: read.format(read.of(r[o.key])) + (r.spread >= 0.2 ? " \u00b1" : ""),
            tip: () => tip_of(r, [`${o.says ?? o.key} ${read.both(r[o.key])}`]),
        }));
    const refs = (o.refs ?? []).filter((ref) => ref.at !== null).map((ref) => ({ at: read.of(ref.at), label: ref.label }));
    const drawn = bars(rows, { log: o.log ?? true, refs, format: read.format, binary: read.binary, ascending: read.ascending });
    return (
        drawn &&
        figure(o.id, (read.as_ratio && o.ratio_title) || o.title, o.high ? tail : o.about, drawn, not_measured(o.absent ?? []))
    );
}

const by_means = (results) => {
    const found = new Map();
    for (const r of results) found.set(r.of, [...(found.get(r.of) ?? []), r]);
    return [...found.entries()];
};

// Sizes, numbers of processes, pauses: each step is a factor.
function factor_axis(values, format, label) {
    const at = values.map((v) => Math.log2(Math.max(v, 0.5)));
    const pad = Math.max(0.15, (at[at.length - 1] - at[0]) * 0.04),
        every = (narrow) => Math.ceil(values.length / (narrow ? 4 : 9));
    return {
        of: (v) => Math.log2(Math.max(v, 0.5)),
        back: (x) => values[at.indexOf(x)],
        low: at[0] - pad,
        high: at[at.length - 1] + pad,
        label,
        dots: true,
        ticks: (narrow) => at.filter((_, i) => i % every(narrow) === 0),
        format: (x) => format(values[at.indexOf(x)]),
    };
}

// options: as bar_chart's, and {by, by_title}
export function line_chart(results, unit, o) {
    const read = reading(o.kind, unit),
        here = results.filter((r) => r[o.key] > 0 && r[o.by] !== null);
    const values = distinct(here, o.by);
    if (values.length < 2) return null;
    const x = factor_axis(values, axes[o.by].name, o.by_title);
    const series = by_means(here).map(([of, all]) => {
        const at = new Map(all.map((r) => [x.of(r[o.by]), r]));
        return {
            of,
            points: [...at].map(([k, r]) => [k, read.of(r[o.key])]).sort((a, b) => a[0] - b[0]),
            tip: (k) => tip_of(at.get(k), [`${o.says ?? o.key} ${read.both(at.get(k)[o.key])}`]),
        };
    });
    const drawn = lines(series, { x, y: read, refs: [] });
    return drawn && figure(o.id, (read.as_ratio && o.ratio_title) || o.title, o.high ? "The median." : o.about, drawn);
}

const nines = (p) => -Math.log10(1 - p / 100);
const percentiles = [0, 50, 90, 99, 99.9, 99.99];

// The distribution: each nine of the percentile is a step, so that the tail can be seen.
export function curve_chart(results, unit, o) {
    const read = reading("time", unit),
        with_curve = results.filter((r) => r.curve.length > 1);
    if (!with_curve.length) return null;
    const top = Math.max(...with_curve.flatMap((r) => r.curve.map((at) => nines(at[0]))));
    const x = {
        low: 0,
        high: top,
        label: "percentile: of all messages so many took no longer",
        dots: false,
        format: (v) => `${Math.round(1e6 * (1 - 10 ** -v)) / 1e4}\u202f%`,
        ticks: (narrow) =>
            percentiles
                .filter((p) => !narrow || p !== 50)
                .map(nines)
                .filter((v) => v <= top + 1e-9),
    };
    const series = with_curve.map((r) => ({
        of: r.of,
        points: r.curve.map(([p, v]) => [nines(p), read.of(v)]).sort((a, b) => a[0] - b[0]),
        tip: (at, v) =>
            [
                r.of.name,
                case_of(r),
                `${x.format(at)}: ${read.both(r.curve.find(([p]) => nines(p) === at)?.[1] ?? null)}`,
                wavers(r),
            ].filter(Boolean),
    }));
    const refs = (o.refs ?? []).filter((ref) => ref.at !== null).map((ref) => ({ at: read.of(ref.at), label: ref.label }));
    const drawn = lines(series, { x, y: read, refs });
    return drawn && figure(o.id, o.title, o.about, drawn);
}
