/** Two real processes train one model through Gloo: as one process would, the same bits each time, and a lost rank ends the job. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { readSafetensors } from "../src/checkpoints/safetensors.js";
import type { TrainConfig } from "../src/training/config.js";
import { writeTinyCorpus } from "./helpers/tiny-corpus.js";
import { tinyConfig } from "./helpers/tiny-training.js";

const program = resolve(import.meta.dirname, "../dist/cli/main.js");
const steps = 6;
const last = `checkpoints/step-000000${steps}/training_state.safetensors`;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-ranks-"));
  await writeTinyCorpus(join(folder, "corpus"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The tiny recipe with every training-only head, so that all kinds of batches are dealt to the ranks. */
async function writeRecipe(name: string, change: (config: TrainConfig) => void): Promise<string> {
  const config = await tinyConfig();
  config.data.corpus = join(folder, "corpus");
  config.data.pairs = 0.3;
  config.model.unet = { ...config.model.unet, addition_embed_type: "text", addition_embed_type_num_heads: 2 };
  config.loss.auxiliary = { sentence: 0.1, presence: 0.1, extent: 0.1, asked: 0.1, photos: 4 };
  config.optimizer.batch = 2;
  config.duration = { steps };
  config.output = { ...config.output, log_every: 1, sample_every: null };
  change(config);
  const path = join(folder, `${name}.yaml`);
  await writeFile(path, stringify(config));
  return path;
}

interface Rank {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

function startRank(args: readonly string[], env: Record<string, string>, onStderr?: (text: string) => void): Rank {
  const child = spawn(process.execPath, [program, "train", ...args], { env: { ...process.env, ...env } });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    said.stdout += chunk;
  });
  child.stderr.on("data", (chunk: Buffer) => {
    said.stderr += chunk;
    onStderr?.(said.stderr);
  });
  return { child, ended: new Promise((done) => child.on("close", (code) => done({ code, ...said }))) };
}

/** A script of the tests in two ranks. */
async function inTwo(script: string): Promise<Rank[]> {
  const port = String(await freePort());
  return [0, 1].map((rank) => {
    const child = spawn(process.execPath, [script, String(rank), port]);
    const said = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => {
      said.stdout += chunk;
    });
    child.stderr.on("data", (chunk: Buffer) => {
      said.stderr += chunk;
    });
    return { child, ended: new Promise((done) => child.on("close", (code) => done({ code, ...said }))) };
  });
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

/** Trains in two processes; `onLeader` sees what rank 0 has reported so far and the process of rank 1. */
async function trainInTwo(recipes: string | [string, string], out: string, extra: string[] = [], onLeader?: OnLeader) {
  const env = { WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1", MASTER_PORT: String(await freePort()) };
  const args = (rank: 0 | 1) => [
    "--config",
    typeof recipes === "string" ? recipes : recipes[rank],
    "--out",
    join(folder, out),
    ...extra,
  ];
  const second = startRank(args(1), { ...env, RANK: "1" });
  const first = startRank(args(0), { ...env, RANK: "0" }, (text) => onLeader?.(text, second.child));
  return Promise.all([first.ended, second.ended]);
}
type OnLeader = (reported: string, second: ChildProcess) => void;

async function metricsOf(out: string) {
  const lines = (await readFile(join(folder, out, "metrics.jsonl"), "utf8")).trim().split("\n");
  return lines.map((line) => JSON.parse(line) as { loss: number; gradNorm: number; losses: Record<string, number> });
}

/** Relative difference of all weights together. */
async function weightsApart(a: string, b: string): Promise<number> {
  const [one, other] = [await readSafetensors(join(folder, a, last)), await readSafetensors(join(folder, b, last))];
  const names = [...one.entries.keys()].filter((name) => name.startsWith("weight/"));
  expect(names.length).toBeGreaterThan(50);
  let [apart, size] = [0, 0];
  for (const name of names) {
    const values = other.read(name);
    for (const [i, value] of one.read(name).entries()) {
      apart += (value - values[i]!) ** 2;
      size += value ** 2;
    }
  }
  return Math.sqrt(apart / size);
}

const state = (out: string) => readFile(join(folder, out, last));
const near = (a: number, b: number) => expect(Math.abs(a - b) / Math.abs(b)).toBeLessThan(1e-6);

let two: string;
test("two processes that accumulate 2 train as one that accumulates 4, and only rank 0 writes and reports", async () => {
  const four = await writeRecipe("four", (config) => Object.assign(config.optimizer, { accumulate: 4 }));
  // Each rank's batches come from a thread of its own, the single process makes them itself.
  two = await writeRecipe("two", (config) => {
    config.optimizer.accumulate = 2;
    config.data.workers = 1;
  });
  const single = await startRank(["--config", four, "--out", join(folder, "one")], {}).ended;
  expect(single.code, single.stderr).toBe(0);
  const [first, second] = await trainInTwo(two, "two");
  expect([first.code, second.code], first.stderr + second.stderr).toEqual([0, 0]);
  expect(first.stdout.trim()).toBe(join(folder, "two/model"));
  expect([second.stdout, second.stderr]).toEqual(["", ""]);
  expect((await readdir(join(folder, "two"))).sort()).toEqual((await readdir(join(folder, "one"))).sort());

  const [alone, together] = [await metricsOf("one"), await metricsOf("two")];
  expect(together).toHaveLength(steps);
  for (const [i, { loss, gradNorm, losses }] of together.entries()) {
    near(loss, alone[i]!.loss);
    near(gradNorm, alone[i]!.gradNorm);
    for (const [task, value] of Object.entries(losses)) near(value, alone[i]!.losses[task]!);
  }
  // AdamW divides by a gradient's own size: where the exact one is zero (a bias of attention's keys) rounding decides.
  expect(await weightsApart("one", "two")).toBeLessThan(1e-5);
}, 120_000);

test("a killed rank ends the other within seconds; resumed, stopped through rank 1 and resumed, the bits are the same", async () => {
  const often = await writeRecipe("often", (config) => {
    config.optimizer.accumulate = 2;
    config.output.checkpoint_minutes = 1e-6;
  });
  /** Acts on rank 1 when the leader has reported such a line. */
  const at = (line: RegExp, act: (second: ChildProcess) => void): OnLeader => {
    let acted = false;
    return (text, second) => {
      if (acted || !line.test(text)) return;
      acted = true;
      act(second);
    };
  };
  let killed = 0;
  const [first, second] = await trainInTwo(
    often,
    "lost",
    [],
    at(/step 2\//, (rank) => {
      killed = performance.now();
      rank.kill("SIGKILL");
    }),
  );
  expect(performance.now() - killed).toBeLessThan(10_000);
  expect(second.code).toBeNull();
  expect(first.code).toBe(1);
  expect(first.stderr).toMatch(
    /rank 0 of 2: another rank ended or did not answer within 600 s \(.+\)\. Its own output says why; then start all ranks again/,
  );

  const stopped = await trainInTwo(
    often,
    "lost",
    ["--resume"],
    at(/step \d\//, (rank) => void rank.kill("SIGINT")),
  );
  expect(stopped[0].code, stopped[0].stderr).toBe(0);
  expect(stopped[1].code).toBe(130);
  expect(stopped[0].stderr).toMatch(/checkpoint: .*step-000000[345]/);

  const [end] = await trainInTwo(often, "lost", ["--resume"]);
  expect(end.code, end.stderr).toBe(0);
  expect((await state("lost")).equals(await state("two"))).toBe(true);
}, 120_000);

test("ranks with different recipes, and a rank that never comes, are named", async () => {
  const faster = await writeRecipe("faster", (config) => Object.assign(config.optimizer, { accumulate: 2, lr: 0.1 }));
  const [pair, lonely] = await Promise.all([
    trainInTwo([two, faster], "differ"),
    startRank(["--config", two, "--out", join(folder, "lonely"), "--rank-timeout", "1"], {
      WORLD_SIZE: "2",
      RANK: "0",
      MASTER_ADDR: "127.0.0.1",
      MASTER_PORT: String(await freePort()),
    }).ended,
  ]);
  for (const { code, stderr } of pair) {
    expect(code).toBe(1);
    expect(stderr).toMatch(/rank [01] of 2: the recipe or the data of rank 1 differs from rank 0's\. Give all ranks/);
  }
  expect(lonely.code).toBe(1);
  expect(lonely.stderr).toMatch(/rank 0 of 2: not all ranks met at 127\.0\.0\.1:\d+ within 1 s/);
});

test("gradients that leave while backward computes others give the same bits as all of them after it, in two and in three ranks", async () => {
  const recipe = await writeRecipe("overlap", (config) => {
    config.optimizer.accumulate = 2;
    config.compute.threads = 1;
  });
  const script = resolve(import.meta.dirname, "../scripts/training/overlap.mjs");
  for (const world of ["2", "3"]) {
    const { stdout } = await promisify(execFile)(process.execPath, [script, recipe, "4", world]);
    const [overlapped, afterwards] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { way: string; early: number; sha256: string });
    expect(overlapped!.sha256).toBe(afterwards!.sha256);
    expect(overlapped!.early).toBeGreaterThan(0.8);
    expect(afterwards!.early).toBe(0);
  }
}, 120_000);

test("a backward pass that fails leaves nothing armed, and a weight in two calls of the engine is refused", async () => {
  const [first, second] = await Promise.all(
    (await inTwo(resolve(import.meta.dirname, "helpers/rank-averages.mjs"))).map(({ ended }) => ended),
  );
  expect([first!.code, second!.code], first!.stderr + second!.stderr).toEqual([0, 0]);
  const said = JSON.parse(first!.stdout) as Record<string, unknown>;
  expect(JSON.parse(second!.stdout)).toEqual(said);
  expect(said).toEqual({
    // The mean of the ranks' 1 and 2 times the other weight's 3; `only` has a gradient on rank 0 alone, `none` nowhere.
    early: 0.5,
    means: [4.5, 4.5],
    only: [0.5],
    none: null,
    failed: "in the middle",
    after: [4.5, 4.5],
    twice: expect.stringMatching(/a gradient changed after it was given to the other ranks/),
  });
}, 60_000);
