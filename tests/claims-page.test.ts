/** docs/claims.md shows the numbers of docs/claims.json, and says nothing of a run that is not there. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const read = (path: string) => readFile(resolve(root, path), "utf8");

test("the tables are those of the numbers", async () => {
  const module = resolve(root, "scripts/claims/markdown.mjs");
  const { markdown } = (await import(module)) as {
    markdown: (numbers: Record<string, readonly unknown[]>) => Record<string, string>;
  };
  const numbers = JSON.parse(await read("docs/claims.json"));
  const page = await read("docs/claims.md");
  for (const [name, rows] of Object.entries<readonly unknown[]>(numbers)) expect(rows.length, name).toBeGreaterThan(0);
  for (const [name, table] of Object.entries(markdown(numbers)))
    expect(page, name).toContain(`<!-- table: ${name} -->\n${table}\n<!-- end -->`);
});

test("no sentence was left to be written", async () => {
  expect(await read("docs/claims.md")).not.toMatch(/\b[A-Z]{8,}\b/);
});
