// What is shown beside the pointer: one element for the whole page.
import { el } from "./dom.js";

const box = el("div", { class: "tip", role: "status", hidden: true });

export function show_tip(lines, x, y) {
    if (!box.isConnected) document.body.append(box);
    box.replaceChildren(...lines.map((line, at) => el(at ? "div" : "strong", {}, line)));
    box.hidden = false;
    const right = x + 14 + box.offsetWidth > innerWidth - 8;
    box.style.left = `${Math.max(8, right ? x - 14 - box.offsetWidth : x + 14)}px`;
    box.style.top = `${Math.max(8, Math.min(y + 14, innerHeight - 8 - box.offsetHeight))}px`;
}
export const hide_tip = () => {
    box.hidden = true;
};

export function tipped(element, lines) {
    element.addEventListener("pointermove", (e) => show_tip(lines(), e.clientX, e.clientY));
    element.addEventListener("pointerleave", hide_tip);
    return element;
}
