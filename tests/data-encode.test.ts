/** `instructcv data encode` as a user meets it: encoded, killed, checked, trained from in one process and in two, and refused. */
import { spawn } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { readSafetensors } from "../src/checkpoints/safetensors.js";
import type { TrainConfig } from "../src/training/config.js";
import { pix2pixConfig, writePix2PixStart } from "./helpers/pix2pix-training.js";
import { runCli } from "./helpers/run-cli.js";
import { writeTinyCorpus } from "./helpers/tiny-corpus.js";

const program = resolve(import.meta.dirname, "../dist/cli/main.js");
let cwd: string;
const run = (...args: string[]) => runCli(args, { cwd });

async function writeRecipe(name: string, change: (config: TrainConfig) => void = () => {}): Promise<void> {
  const config = await pix2pixConfig("start", "epsilon");
  config.data = { ...config.data, corpus: "corpus", encoded: "encoded" };
  config.duration = { steps: 3 };
  config.output = { ...config.output, log_every: 1, sample_every: null };
  change(config);
  await writeFile(join(cwd, name), stringify(config));
}

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "instructcv-encode-"));
  await writeTinyCorpus(join(cwd, "corpus"));
  await writePix2PixStart(join(cwd, "start"));
  await writeRecipe("recipe.yaml");
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

test("encodes, finds it done, checks it and trains from it", async () => {
  const first = await run("data", "encode", "recipe.yaml", "--out", "encoded", "--views", "3");
  expect(first.code, first.stderr).toBe(0);
  expect(first.stdout).toMatch(
    /^42 records: 126 views and \d+ sentences, 0\.\d MB\nencoded, made in \d+ s; train with data\.encoded: encoded\n$/,
  );
  const again = await run("data", "encode", "recipe.yaml", "--out", "encoded", "--views", "3");
  expect(again.code).toBe(0);
  expect(again.stderr).toMatch(/126 of 126 views are already there/);
  const checked = await run("data", "check", "encoded");
  expect([checked.code, checked.stdout]).toEqual([0, expect.stringMatching(/^126 views, \d+ sentences: sound\n$/)]);
  const trained = await run("train", "--config", "recipe.yaml", "--out", "run");
  expect(trained.code, trained.stderr).toBe(0);
  expect(trained.stdout.trim()).toBe("run/model");
}, 60_000);

test("killed again and again and started again, it makes the same files", async () => {
  const args = ["data", "encode", "recipe.yaml", "--views", "30", "--shard-mb", "1", "--out"];
  expect((await run(...args, "whole")).code).toBe(0);
  const shards = async () =>
    (await readdir(join(cwd, "killed")).catch(() => [])).filter((name) => /^views.*\.json$/.test(name)).length;
  let kills = 0;
  for (let before = 0; ; before = await shards()) {
    const child = spawn(program, [...args, "killed"], { cwd, stdio: "ignore" });
    const ended = new Promise<number | null>((done) => child.on("close", (code) => done(code)));
    while (child.exitCode === null && child.signalCode === null) {
      if ((await shards()) >= before + 2) child.kill("SIGKILL");
      await new Promise((done) => setTimeout(done, 5));
    }
    if ((await ended) === 0) break;
    kills++;
  }
  expect(kills).toBeGreaterThan(0);
  const names = (await readdir(join(cwd, "whole"))).sort();
  expect((await readdir(join(cwd, "killed"))).sort()).toEqual(names);
  for (const name of names)
    expect((await readFile(join(cwd, "killed", name))).equals(await readFile(join(cwd, "whole", name))), name).toBe(
      true,
    );
}, 60_000);

test("two processes that take a batch each train as one that accumulates two", async () => {
  await writeRecipe("two.yaml");
  await writeRecipe("one.yaml", (config) => Object.assign(config.optimizer, { accumulate: 2 }));
  const alone = await run("train", "--config", "one.yaml", "--out", "alone");
  expect(alone.code, alone.stderr).toBe(0);
  const env = { WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1", MASTER_PORT: String(await freePort()) };
  const rank = (RANK: string) =>
    runCli(["train", "--config", "two.yaml", "--out", "together"], { cwd, env: { ...env, RANK } });
  for (const { code, stderr } of await Promise.all([rank("0"), rank("1")])) expect(code, stderr).toBe(0);
  const state = "checkpoints/step-0000003/training_state.safetensors";
  const [one, two] = [
    await readSafetensors(join(cwd, "alone", state)),
    await readSafetensors(join(cwd, "together", state)),
  ];
  for (const name of one.entries.keys()) {
    if (!name.startsWith("weight/")) continue;
    const values = two.read(name);
    // AdamW divides by a gradient's own size, so a weight whose gradient is all rounding may move by the learning rate.
    for (const [i, value] of one.read(name).entries()) expect(Math.abs(value - values[i]!)).toBeLessThan(7e-4);
  }
  const losses = async (out: string) =>
    (await readFile(join(cwd, out, "metrics.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { loss: number }).loss);
  for (const [i, loss] of (await losses("together")).entries())
    expect(loss).toBeCloseTo((await losses("alone"))[i]!, 6);
}, 60_000);

test("what cannot be encoded, checked or trained from is one line that names the key or the file", async () => {
  await writeRecipe("trained.yaml", (config) => Object.assign(config.optimizer, { train_text_encoder: true }));
  const refused = await run("data", "encode", "trained.yaml", "--out", "never");
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/^error: .*train_text_encoder.*\n$/)]);
  await writeRecipe("flipped.yaml", (config) => Object.assign(config.data, { flip: 0 }));
  const other = await run("train", "--config", "flipped.yaml", "--out", "never");
  expect([other.code, other.stderr]).toEqual([1, expect.stringMatching(/data\.flip: expected 0 .*found 0\.5/)]);
  await cp(join(cwd, "encoded"), join(cwd, "cut"), { recursive: true });
  await truncate(join(cwd, "cut/views-000000.safetensors"), 5000);
  const checked = await run("data", "check", "cut", "--json");
  expect(checked.code).toBe(1);
  expect(JSON.parse(checked.stdout)).toMatchObject({ ok: false, problems: [expect.stringMatching(/5000 bytes/)] });
  const half = await run("data", "encode", "recipe.yaml", "--out", "encoded", "--dtype", "float64");
  expect([half.code, half.stderr]).toEqual([2, expect.stringMatching(/--dtype float64: expected float32 or float16/)]);
}, 60_000);

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}
