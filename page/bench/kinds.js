// What is measured, and how it reads: as it is, or as a ratio to F, the time of a cache line from one process to another.
import * as words from "./words.js";

const over = (v, f) => v / f;
const kind = (format, scaled, scaled_format = words.ratio, binary = false) => ({ format, scaled, scaled_format, binary });

export const kinds = {
    time: kind(words.time, over),
    // Of a rate it is the time of one message that can be compared with F: less is better then.
    rate: kind(words.rate, (v, f) => 1e9 / v / f),
    // Bytes that go in the time of F.
    byte_rate: kind(words.byte_rate, (v, f) => (v * f) / 1e9, words.bytes, true),
    count: kind(words.count, null),
};

// What a chart shows of a value: unit is {floor, ratio}, F and whether it is what was chosen.
export function reading(name, { floor, ratio }) {
    const k = kinds[name];
    const as_ratio = ratio && floor !== null && k.scaled !== null;
    return {
        as_ratio,
        of: (v) => (v === null ? null : as_ratio ? k.scaled(v, floor) : v),
        format: as_ratio ? k.scaled_format : k.format,
        binary: k.binary,
        both: (v) =>
            floor === null || !k.scaled || v === null ? k.format(v) : `${k.format(v)}  (${k.scaled_format(k.scaled(v, floor))})`,
        ascending: name === "time" || name === "count" || (name === "rate" && as_ratio),
    };
}
