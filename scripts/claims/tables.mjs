#!/usr/bin/env node
/**
 * `npm run claims:tables`: computes docs/claims.json from the kept runs, draws the plots beside docs/claims.md and writes the tables between
 * its `<!-- table: name -->` and `<!-- end -->` marks. Given names of tables it computes only those again; with --print-only none, without runs.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { find, missing } from "./findings.mjs";
import { markdown, plots } from "./markdown.mjs";

const JSON_FILE = "docs/claims.json";
const PAGE = "docs/claims.md";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { "print-only": { type: "boolean", default: false } },
});
if (!values["print-only"]) {
  // What is missing here may have been measured elsewhere: its numbers stay.
  const found = existsSync(JSON_FILE) ? JSON.parse(readFileSync(JSON_FILE, "utf8")) : {};
  for (const [name, rows] of Object.entries(find)) {
    found[name] ??= [];
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const before = missing.size;
    const fresh = await rows();
    if (missing.size === before || found[name].length === 0) found[name] = fresh.map(rounded);
    console.error(`${name}: ${found[name].length} numbers`);
  }
  if (missing.size > 0) console.error(`no answers of ${[...missing].join(", ")}: run npm run claims:evaluate`);
  const lines = Object.keys(find).map(
    (name) => `"${name}": [\n${found[name].map((row) => JSON.stringify(row)).join(",\n")}\n]`,
  );
  writeFileSync(JSON_FILE, `{\n${lines.join(",\n")}\n}\n`);
}

const numbers = JSON.parse(readFileSync(JSON_FILE, "utf8"));
mkdirSync("docs/claims", { recursive: true });
for (const [name, svg] of Object.entries(await plots(numbers))) writeFileSync(`docs/claims/${name}.svg`, svg);
let page = readFileSync(PAGE, "utf8");
for (const [name, table] of Object.entries(markdown(numbers))) {
  const marked = new RegExp(`(<!-- table: ${name} -->\n)[\\s\\S]*?(<!-- end -->)`);
  if (!marked.test(page)) throw new Error(`${PAGE} has no place for the table ${name}`);
  page = page.replace(marked, (_, start, end) => `${start}${table}\n${end}`);
}
writeFileSync(PAGE, page);

/** Six digits say all there is to say. */
function rounded(row) {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, typeof value === "number" ? Number(value.toPrecision(6)) : value]),
  );
}
