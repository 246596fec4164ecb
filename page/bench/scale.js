// Where a value lies between two ends, and the round values between them.

// Amounts of bytes are round in powers of two.
function powers_of_two(low, high) {
    const first = Math.ceil(Math.log2(low)),
        last = Math.floor(Math.log2(high)),
        step = Math.max(1, Math.ceil((last - first) / 6));
    const values = [];
    for (let e = Math.ceil(first / step) * step; e <= last; e += step) values.push(2 ** e);
    return values;
}

export function round_values(low, high, log, binary = false) {
    if (log && binary && high / low > 8) return powers_of_two(low, high);
    if (!log || high / low < 4) {
        const rough = (high - low) / 5,
            unit = 10 ** Math.floor(Math.log10(rough));
        const step = [1, 2, 5, 10].find((m) => m * unit >= rough * 0.999) * unit,
            first = Math.ceil(low / step);
        return Array.from({ length: Math.max(0, Math.floor(high / step) - first + 1) }, (_, i) => (first + i) * step);
    }
    const decades = Math.log10(high / low);
    const within = decades > 3.2 ? [1] : decades > 1.6 ? [1, 3] : [1, 2, 5];
    const values = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); ++e)
        for (const m of within) if (m * 10 ** e >= low && m * 10 ** e <= high) values.push(m * 10 ** e);
    return values;
}

// 0 … 1
export const place = (v, low, high, log) => (log ? Math.log(v / low) / Math.log(high / low) : (v - low) / (high - low));
