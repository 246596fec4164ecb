// Lines over a scale, by uPlot; each has its name at its end, so that no colour must be looked up.
import uPlot from "uplot";
import { colour, el } from "./dom.js";
import { round_values } from "./scale.js";
import { hide_tip, show_tip } from "./tip.js";

const dashes = { wye: [], kernel: [8, 4], peer: [2, 3] };
const stroke_of = (of) => colour(`${of.group}-${of.index % 3}`);
const face = "system-ui, sans-serif";
const row = 14;

// Each as near as can be to where its line ends, none upon another: what would touch becomes one block around its middle.
function spread_out(labels, top, bottom, height) {
    labels.sort((a, b) => a.y - b.y);
    const blocks = [];
    const start = (b) =>
        Math.min(Math.max(b.sum / b.members.length - (b.members.length * height) / 2, top), bottom - b.members.length * height);
    for (const l of labels) {
        let block = { members: [l], sum: l.y };
        while (
            blocks.length &&
            start(blocks[blocks.length - 1]) + blocks[blocks.length - 1].members.length * height > start(block)
        ) {
            const above = blocks.pop();
            block = { members: [...above.members, ...block.members], sum: above.sum + block.sum };
        }
        blocks.push(block);
    }
    for (const b of blocks)
        b.members.forEach((l, i) => {
            l.at = start(b) + (i + 0.5) * height;
        });
}

function fitted(ctx, name, room) {
    if (ctx.measureText(name).width <= room) return name;
    let n = name.length;
    while (n > 1 && ctx.measureText(name.slice(0, n) + "\u2026").width > room) --n;
    return name.slice(0, n) + "\u2026";
}

function draw_labels(u, series, gutter) {
    const { ctx, bbox } = u,
        k = uPlot.pxRatio,
        end = bbox.left + bbox.width;
    const labels = series
        .map((s, i) => {
            const values = u.data[i + 1];
            let last = values.length - 1;
            while (last >= 0 && values[last] == null) --last;
            return last < 0 ? null : { s, i, x: u.valToPos(u.data[0][last], "x", true), y: u.valToPos(values[last], "y", true) };
        })
        .filter(Boolean);
    spread_out(labels, bbox.top + 4 * k, bbox.top + bbox.height - 2 * k, row * k);
    ctx.save();
    ctx.font = `${11 * k}px ${face}`;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    for (const l of labels) {
        const strength = u.series[l.i + 1].alpha ?? 1,
            early = l.x < end - 30 * k;
        ctx.globalAlpha = early ? strength * 0.3 : strength;
        ctx.strokeStyle = ctx.fillStyle = stroke_of(l.s.of);
        ctx.lineWidth = 0.75 * k;
        ctx.beginPath();
        ctx.moveTo(l.x + 3 * k, l.y);
        if (early) ctx.lineTo(end, l.at);
        ctx.lineTo(end + 14 * k, l.at);
        ctx.stroke();
        ctx.globalAlpha = strength;
        ctx.fillText(fitted(ctx, l.s.of.name, (gutter - 20) * k), end + 17 * k, l.at);
    }
    ctx.restore();
}

function draw_refs(u, refs) {
    const { ctx, bbox } = u,
        k = uPlot.pxRatio;
    ctx.save();
    ctx.font = `${11 * k}px ${face}`;
    ctx.fillStyle = ctx.strokeStyle = colour("ref");
    ctx.lineWidth = k;
    ctx.textAlign = "right";
    ctx.textBaseline = "top";
    for (const r of refs) {
        const y = u.valToPos(r.at, "y", true);
        ctx.setLineDash([4 * k, 4 * k]);
        ctx.beginPath();
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
        ctx.stroke();
        ctx.fillText(r.label, bbox.left + bbox.width - 6 * k, y + 3 * k);
    }
    ctx.restore();
}

function nearest(u) {
    const { idx, top } = u.cursor;
    if (idx == null || top < 0) return null;
    let best = null,
        distance = 40;
    for (let i = 1; i < u.data.length; ++i) {
        const v = u.data[i][idx];
        const away = v == null ? Infinity : Math.abs(u.valToPos(v, "y") - top);
        if (away < distance) ((distance = away), (best = i));
    }
    return best && { series: best - 1, idx };
}

function options(width, room, series, { x, y, refs: wanted }) {
    const narrow = width < 560,
        gutter = narrow ? 108 : 158;
    const ink = colour("soft"),
        rule = colour("rule");
    const drawn = series.flatMap((s) => s.points.map((p) => p[1]));
    // What is far from all lines would only press them together.
    const refs = wanted.filter((r) => r.at > Math.min(...drawn) / 3 && r.at < Math.max(...drawn) * 3),
        values = drawn.concat(refs.map((r) => r.at));
    const low = Math.min(...values) / 1.3,
        high = Math.max(...values) * 1.3;
    const axis = {
        stroke: ink,
        grid: { stroke: rule, width: 1 },
        ticks: { stroke: rule, width: 1, size: 4 },
        font: `11px ${face}`,
        labelFont: `12px ${face}`,
    };
    return {
        width,
        height: Math.max(room, narrow ? 330 : 380, series.length * row + 80),
        padding: [10, gutter, 0, 0],
        legend: { show: false },
        cursor: { points: { size: 7 }, focus: { prox: 40 }, drag: { x: false, y: false }, y: false },
        focus: { alpha: 0.15 },
        scales: {
            x: { time: false, range: () => [x.low, x.high] },
            y: { distr: 3, range: () => [low, high] },
        },
        axes: [
            {
                ...axis,
                label: x.label,
                labelSize: 18,
                size: 34,
                splits: () => x.ticks(narrow),
                values: (_, at) => at.map(x.format),
                filter: (_, at) => at,
            },
            {
                ...axis,
                size: 66,
                splits: () => round_values(low, high, true, y.binary),
                values: (_, at) => at.map(y.format),
                filter: (_, at) => at,
            },
        ],
        series: [
            {},
            ...series.map((s) => ({
                label: s.of.name,
                stroke: () => stroke_of(s.of),
                width: 1.75,
                dash: dashes[s.of.group],
                spanGaps: true,
                points: { show: x.dots, size: 6, stroke: () => stroke_of(s.of), fill: () => stroke_of(s.of) },
            })),
        ],
        hooks: {
            draw: [(u) => draw_refs(u, refs), (u) => draw_labels(u, series, gutter)],
            setCursor: [
                (u) => {
                    const hit = nearest(u);
                    if (!hit) return hide_tip();
                    const s = series[hit.series],
                        place = u.over.getBoundingClientRect();
                    show_tip(
                        s.tip(u.data[0][hit.idx], u.data[hit.series + 1][hit.idx]),
                        place.left + u.cursor.left,
                        place.top + u.cursor.top,
                    );
                },
            ],
        },
    };
}

// series: {of, points: [[x, y]] ascending, tip: (x, y) => lines}. The chart is drawn when its place is in the page: measure(), then
// start(), all charts one after the other: each look at the page between two changes would lay it out again.
export function lines(series, how) {
    const used = series.filter((s) => s.points.length);
    if (!used.length) return null;
    const xs = [...new Set(used.flatMap((s) => s.points.map((p) => p[0])))].sort((a, b) => a - b);
    const data = [
        xs,
        ...used.map((s) => {
            const at = new Map(s.points);
            return xs.map((x) => at.get(x) ?? null);
        }),
    ];
    const place = el("div", { class: "lines", "data-series": String(used.length) });
    let chart = null,
        room = null;
    place.measure = () => {
        room = [Math.floor(place.clientWidth), chart ? 0 : Math.min(900, Math.floor(place.clientHeight))];
    };
    place.start = () => {
        if (chart && chart.width === room[0]) return;
        chart?.destroy();
        chart = new uPlot(options(...room, used, how), data, place);
        chart.root.addEventListener("pointerleave", hide_tip);
    };
    place.stop = () => {
        chart?.destroy();
        chart = null;
    };
    return place;
}
