/** `instructcv eval` as a user meets it: answers kept, parts put together, predictions exported and scored, a page written. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { runCli } from "./helpers/run-cli.js";

vi.setConfig({ testTimeout: 180_000 });
const data = resolve("../shared/data");
let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "instructcv-eval-"));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

const asked = ["eval", "--suite", "mini", "--data", data, "--dataset", "oxford-pets", "--limit", "2", "--json"];
const template = [...asked, "--wording", "template"];

test("one evaluation, however it is run", async () => {
  const whole = await runCli([...template, "--cache", "kept", "--save-predictions", "exported"], { cwd });
  expect(whole.code, whole.stderr).toBe(0);
  const { suite, model, rows } = JSON.parse(whole.stdout);
  expect({ suite, model }).toEqual({ suite: "mini, 2 photos a dataset (seed 0)", model: "models/nano" });
  expect(rows.map(({ metric }: { metric: string }) => metric)).toContain("mIoU (full label map)");

  const scored = await runCli([...asked, "--predictions", "exported"], { cwd });
  expect(scored.stdout, scored.stderr).toBe(whole.stdout);

  for (const part of ["1/2", "2/2"]) {
    const out = `part-${part[0]}`;
    const { code, stderr } = await runCli([...template, "--cache", "kept", "--shard", part, "--out", out], { cwd });
    expect(code, stderr).toBe(0);
  }
  const merged = await runCli(["eval", "--from", "part-2", "--from", "part-1", "--json"], { cwd });
  expect(merged.stdout, merged.stderr).toBe(whole.stdout);

  const compared = await runCli(
    ["eval", "--from", "part-1", "--from", "part-2", "--against", "part-1", "--against", "part-2", "--bootstrap", "10"],
    { cwd },
  );
  expect(compared.stdout, compared.stderr).toMatch(/against models\/nano[\s\S]*\+0\.000 to \+0\.000/);

  const page = [...template, "--cache", "kept", "--report", "out/page.html", "--bootstrap", "10"];
  expect((await runCli(page, { cwd })).code).toBe(0);
  const html = await readFile(join(cwd, "out/page.html"), "utf8");
  expect(html).toContain("data:image/jpeg;base64,");
  expect(html).toContain("10 resamples");

  const stored = ["eval", "--from", "part-1", "--from", "part-2", "--json", "--report", "stored.html"];
  const bare = await runCli(stored, { cwd });
  expect(bare.stdout, bare.stderr).toBe(whole.stdout);
  expect(bare.stderr).toMatch(/no pictures: they need --data/);
  expect(await readFile(join(cwd, "stored.html"), "utf8")).not.toContain("data:image/jpeg;base64,");
  const pictured = await runCli([...stored, "--data", data, "--cache", "kept", "--bootstrap", "10"], { cwd });
  expect(pictured.code, pictured.stderr).toBe(0);
  expect(await readFile(join(cwd, "stored.html"), "utf8")).toBe(html);
  const other = await runCli([...stored, "--data", data, "--cache", "kept", "--guidance-text", "3"], { cwd });
  expect(other.code).toBe(2);
  expect(other.stderr).toMatch(/would not be those of the run: its guidance is .* Repeat the options/s);
});

test.each([
  ["a part that is none", [...template, "--shard", "3/2"], /i\/n/],
  ["a part that leaves nothing", [...template, "--shard", "1/2"], /--out/],
  ["a stored run and data", ["eval", "--data", data, "--from", "run"], /--from/],
  ["predictions in several wordings", [...asked, "--save-predictions", "x"], /--wording/],
])("refuses %s", async (_, args, message) => {
  const { code, stderr, stdout } = await runCli(args, { cwd });
  expect(code).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toMatch(message);
});

test("reads what it compares with before it asks anything", async () => {
  const { code, stderr } = await runCli([...template, "--against", "nowhere"], { cwd });
  expect(code).toBe(1);
  expect(stderr).toMatch(/nowhere/);
  expect(stderr).not.toMatch(/queries/);
});

test("says with exit code 1 that something was not scored", async () => {
  const { code, stdout, stderr } = await runCli([...asked, "--predictions", "."], { cwd });
  expect(code).toBe(1);
  expect(stderr).toMatch(/questions have no answer that could be scored/);
  expect(JSON.parse(stdout).coverage).toMatchObject({ asked: 12, scored: 0 });
});
