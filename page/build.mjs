// Puts the page of `wye bench` together: one file, which loads nothing. ./dev page runs it.
// usage: build.mjs HASH OUT    HASH: of the sources, from tools/check_page.py --hash
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const [sources, out] = process.argv.slice(2);
const here = new URL("./", import.meta.url);
const read = (path) => readFile(new URL(path, here), "utf8");

async function bundle(entry) {
    const made = await build({
        entryPoints: [new URL(entry, here).pathname],
        bundle: true,
        minify: true,
        write: false,
        charset: "ascii",
        format: "iife",
        target: ["es2020", "firefox100", "safari15"],
        legalComments: "none",
        logLevel: "warning",
    });
    return made.outputFiles[0].text.trim();
}

const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const script = await bundle("bench/main.js");
const style = await bundle("bench/style.css");
if (/<\/script|<!--/i.test(script) || /<\/style/i.test(style)) throw new Error("what is bundled would end its own element");

const parts = {
    policy: `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; base-uri 'none'; form-action 'none'`,
    sources,
    script,
    style,
    uplot_version: JSON.parse(await read("node_modules/uplot/package.json")).version,
    uplot_license: escaped((await read("node_modules/uplot/LICENSE")).trim()),
};
const page = (await read("bench/index.html")).replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]);
await writeFile(out, page);
