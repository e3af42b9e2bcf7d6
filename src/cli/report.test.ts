import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "./exit.js";
import { runCli } from "./program.js";

let run: string;
beforeAll(async () => {
  run = await mkdtemp(join(tmpdir(), "instructcv-report-command-"));
});
afterAll(() => rm(run, { recursive: true, force: true }));

async function report(...args: string[]) {
  const [out, notes]: [string[], string[]] = [[], []];
  const terminal = {
    out: (line: string) => out.push(line),
    note: (line: string) => notes.push(line),
    live: false,
    signal: new AbortController().signal,
  };
  return { code: await runCli(["report", ...args], terminal), out, notes };
}

test("a folder of no run, then of one without a step, is wrong usage with the cure", async () => {
  const nothing = await report(run);
  expect([nothing.code, nothing.out]).toEqual([EXIT.usage, []]);
  expect(nothing.notes).toEqual([
    expect.stringMatching(/^error: .*expected the folder of a training run.*runs\/nano\.$/),
  ]);
  await writeFile(join(run, "config.yaml"), "name: small\n");
  const early = await report(run);
  expect([early.code, early.out]).toEqual([EXIT.usage, []]);
  expect(early.notes).toEqual([expect.stringMatching(/^error: .*metrics\.jsonl: the run has logged no step yet/)]);
});

test("the page is beside the run's files or where it is wanted, and its path is printed", async () => {
  const line = { step: 1, steps: 2, loss: 1, losses: {}, lr: 1e-3, gradNorm: 1, samplesPerSecond: 5, minutes: 1 };
  await writeFile(join(run, "metrics.jsonl"), JSON.stringify(line));
  expect(await report(run)).toEqual({ code: EXIT.done, out: [join(run, "report.html")], notes: [] });
  const elsewhere = join(run, "pages/small.html");
  expect(await report(run, "--out", elsewhere)).toMatchObject({ code: EXIT.done, out: [elsewhere] });
  expect(await readFile(elsewhere, "utf8")).toContain("<h1>small</h1>");
});

test("--help says what is read, written and where", async () => {
  const { code, out } = await report("--help");
  expect(code).toBe(EXIT.done);
  for (const word of ["<run>", "--out <file>", "<run>/report.html", "metrics.jsonl", "run.json", "libtorch"])
    expect(out.join("\n")).toContain(word);
});
