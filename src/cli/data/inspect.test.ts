import { mkdtemp, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeSmallCorpus } from "../../../tests/helpers/small-corpus.js";
import type { Terminal } from "../terminal.js";
import { addCheck } from "./check.js";
import { addExport } from "./export.js";
import { addShow } from "./show.js";

let folder: string;
let corpus: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inspect-"));
  corpus = join(folder, "corpus");
  await writeSmallCorpus(corpus);
});
afterAll(() => rm(folder, { recursive: true }));

async function run(...args: string[]): Promise<{ code: number; out: string[] }> {
  const out: string[] = [];
  let code = -1;
  const terminal: Terminal = {
    out: (line) => out.push(line),
    note: () => {},
    live: false,
    signal: new AbortController().signal,
  };
  const data = new Command("data").exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
  for (const add of [addShow, addCheck, addExport]) {
    add(data, terminal, (value) => {
      code = value;
    });
  }
  for (const command of data.commands) command.exitOverride().copyInheritedSettings(data);
  await data.parseAsync(args, { from: "user" });
  return { code, out };
}

describe("data check", () => {
  it("prints one JSON line, or a small table", async () => {
    const { code, out } = await run("check", corpus, "--json");
    expect(code).toBe(0);
    expect(out).toHaveLength(1);
    const report = JSON.parse(out[0]!);
    expect(Object.keys(report)).toEqual(["ok", "samples", "codec"]);
    expect(report).toMatchObject({ ok: true, samples: 35, codec: { classification: { accuracy: 1 } } });
    expect(Object.values(report.codec).map((loss) => Object.keys(loss as object))).toEqual([
      ["iou"],
      ["iou"],
      ["mm"],
      ["accuracy"],
    ]);
    const table = await run("check", corpus, "--samples", "2");
    expect(table.out[0]).toBe("35 records: sound");
    expect(table.out.at(-1)).toMatch(/^ {2}classification {2}accuracy 1\.000 +\(2 records/);
  });

  it("ends with exit code 1 and names what is damaged", async () => {
    const damaged = join(folder, "damaged");
    await writeSmallCorpus(damaged);
    await truncate(join(damaged, "val-000000.tar"), 10_000);
    const { code, out } = await run("check", damaged, "--json");
    expect(code).toBe(1);
    const report = JSON.parse(out[0]!);
    expect(report.ok).toBe(false);
    expect(report.problems[0]).toMatch(/^val-000000\.tar: 10000 bytes, the manifest says \d+$/);
    const table = await run("check", damaged);
    expect(table.out[0]).toMatch(/^\d+ records: [34] problems$/);
    expect(table.out[1]).toBe(`  ${report.problems[0]}`);
  });
});

describe("data show", () => {
  it("writes the page beside the corpus, or where it is told to", async () => {
    expect(await run("show", corpus, "--samples", "1")).toEqual({ code: 0, out: [`${corpus}.html`] });
    expect(await readFile(`${corpus}.html`, "utf8")).toMatch(/^<!doctype html>/);
    const out = join(folder, "pages", "val.html");
    await run("show", corpus, "--out", out, "--split", "val");
    expect(await readFile(out, "utf8")).toContain("the split <b>val</b>");
  });
});

describe("data export", () => {
  it("says what it has written", async () => {
    const out = join(folder, "export");
    const { code, out: lines } = await run("export", corpus, "--out", out);
    expect(code).toBe(0);
    expect(lines).toEqual([
      expect.stringMatching(/^train: 28 rows in 1 file, 0\.1 MB$/),
      expect.stringMatching(/^validation: 7 rows in 1 file, 0\.0 MB$/),
      out,
    ]);
    expect(await readFile(join(out, "README.md"), "utf8")).toContain("# corpus");
    await expect(run("export", corpus)).rejects.toThrow(/--out/);
  });
});
