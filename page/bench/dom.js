// Elements from names and text. Text is only ever text: nothing here, or anywhere in the page, parses HTML.

export function el(name, properties = {}, ...inside) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
        if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
        else if (key === "class") made.className = value;
        else if (key === "at") Object.assign(made.style, value);
        else if (typeof value === "boolean") made.toggleAttribute(key, value);
        else if (value !== null && value !== undefined) made.setAttribute(key, value);
    }
    made.append(...inside.flat(Infinity).filter((i) => i !== null && i !== undefined && i !== false));
    return made;
}

// A row of buttons of which one is chosen.
export function choice(title, entries, chosen, on_choice, disabled = false) {
    return el(
        "div",
        { class: "choice", role: "group", "aria-label": title },
        el("span", { class: "label" }, title),
        entries.map(([value, name]) =>
            el(
                "button",
                { type: "button", "aria-pressed": String(value === chosen), disabled, onclick: () => on_choice(value) },
                name,
            ),
        ),
    );
}

export function figure(id, title, about, ...inside) {
    return el(
        "figure",
        { "data-chart": id },
        el("figcaption", {}, el("strong", {}, title), about ? el("span", {}, about) : null),
        ...inside,
    );
}

const query = matchMedia("(prefers-color-scheme: dark)");
export const when_colours_change = (f) => query.addEventListener("change", f);
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
