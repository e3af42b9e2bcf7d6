/**
 * `instructcv train --resume auto` as a cluster treats it: killed at random moments, also while a checkpoint is being written, with a
 * full disk, interrupted twice, started twice. Every run must end with the bits of one that nothing happened to.
 * INSTRUCTCV_KILLS sets how often it is killed.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { createRng } from "../src/random.js";
import type { TrainProgress } from "../src/training/progress.js";
import { readProgress } from "../src/training/run-progress.js";
import { listStates } from "../src/training/state.js";
import { type Finished, runCli } from "./helpers/run-cli.js";
import { writeTinyCorpus } from "./helpers/tiny-corpus.js";
import { tinyConfig } from "./helpers/tiny-training.js";

const wantedKills = Number(process.env.INSTRUCTCV_KILLS ?? 12);
const program = resolve(import.meta.dirname, "../dist/cli/main.js");
const steps = 24;
let cwd: string;
/** Milliseconds an undisturbed run takes, its start included. */
let wholeMs: number;

const command = (out: string) => ["train", "--config", "tiny.yaml", "--out", out, "--resume", "auto"];
const run = (out: string) => runCli(command(out), { cwd });

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "instructcv-torture-"));
  await writeTinyCorpus(join(cwd, "corpus"));
  const config = await tinyConfig();
  config.data.corpus = "corpus";
  config.duration = { steps };
  // Lines average over five steps and checkpoints come every three: a resumed run must know what a line's earlier steps were.
  config.output = { ...config.output, checkpoint_steps: 3, log_every: 5, sample_every: 12 };
  await writeFile(join(cwd, "tiny.yaml"), stringify(config));
  const started = performance.now();
  const { code, stderr } = await run("whole");
  wholeMs = performance.now() - started;
  expect([code, stderr]).toEqual([0, expect.stringContaining(`${steps} steps`)]);
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

/** What must be the same to the bit: files by name, and the lines of metrics.jsonl without the times. */
async function remains(out: string) {
  // Each start begins an event file of its own.
  const names = (await readdir(join(cwd, out), { recursive: true })).filter((name) => !name.startsWith("tensorboard"));
  const files: Record<string, string> = {};
  for (const name of names.sort()) {
    const path = join(cwd, out, name);
    if ((await stat(path)).isDirectory() || /(training|run)\.json$|metrics\.jsonl$|README\.md$/.test(name)) continue;
    files[name] = (await readFile(path)).toString("base64");
  }
  const text = await readFile(join(cwd, out, "metrics.jsonl"), "utf8");
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => {
      const { step, fraction, loss, losses, lr, gradNorm, validation } = JSON.parse(line) as TrainProgress;
      return { step, fraction, loss, losses, lr, gradNorm, validation };
    });
  return { names: names.sort(), lines, files };
}

async function expectWhole(out: string): Promise<void> {
  const [found, expected] = [await remains(out), await remains("whole")];
  expect(found.names).toEqual(expected.names);
  expect(found.lines).toEqual(expected.lines);
  for (const name of Object.keys(expected.files)) expect(found.files[name] === expected.files[name], name).toBe(true);
}

function start(out: string) {
  const child = spawn(program, command(out), { cwd, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const ended = new Promise<{ code: number | null; signal: string | null; stderr: string }>((done) =>
    child.on("close", (code, signal) => done({ code, signal, stderr })),
  );
  return { child, ended };
}

const checkpointsOf = async (out: string) => readdir(join(cwd, out, "checkpoints")).catch(() => [] as string[]);
const half = (names: readonly string[]) => names.filter((name) => name.endsWith(".tmp"));
const running = (child: ChildProcess) => child.exitCode === null && child.signalCode === null;

/** Waits until a checkpoint is half written, or the process has ended. */
async function whileWriting(child: ChildProcess, out: string): Promise<void> {
  while (running(child) && half(await checkpointsOf(out)).length === 0) await setTimeout(1);
}

test(`killed ${wantedKills} times at random moments, it makes the same losses and the same model`, async () => {
  const rng = createRng("torture");
  const counts = { kills: 0, whileWriting: 0, runs: 0 };
  while (counts.kills < wantedKills) {
    const out = `killed-${counts.runs++}`;
    for (;;) {
      const { child, ended } = start(out);
      if (counts.kills < wantedKills) {
        if (rng.next() < 0.5) await setTimeout(rng.next() * wholeMs * 0.6);
        else {
          // A checkpoint further on, so that the run gets ahead.
          await setTimeout(rng.next() * wholeMs * 0.3);
          await whileWriting(child, out);
          await setTimeout(rng.next() * 12);
        }
        child.kill("SIGKILL");
      }
      const { code, signal, stderr } = await ended;
      if (code === 0) break;
      expect([code, signal], stderr).toEqual([null, "SIGKILL"]);
      counts.kills++;
      if (half(await checkpointsOf(out)).some((name) => name.includes(`.${child.pid}.`))) counts.whileWriting++;
      // What has a name is whole.
      for (const state of await listStates(join(cwd, out, "checkpoints"))) await readProgress(state);
    }
    await expectWhole(out);
  }
  console.log(`${counts.kills} kills, ${counts.whileWriting} while a checkpoint was written, in ${counts.runs} runs`);
  expect(counts.whileWriting).toBeGreaterThan(wantedKills / 10);
}, 600_000);

test("Ctrl-C finishes the step; a second one, while the checkpoint is written, stops at once; both go on", async () => {
  const gentle = start("twice");
  while (running(gentle.child) && (await checkpointsOf("twice")).length === 0) await setTimeout(1);
  gentle.child.kill("SIGINT");
  const first = await gentle.ended;
  expect(first.code).toBe(130);
  expect(first.stderr).toMatch(/checkpoint: twice\/checkpoints\/step-\d+\nContinue with: .* --resume auto/);
  expect(half(await checkpointsOf("twice"))).toEqual([]);

  const harsh = start("twice");
  await whileWriting(harsh.child, "twice");
  harsh.child.kill("SIGINT");
  await setTimeout(2);
  harsh.child.kill("SIGINT");
  const second = await harsh.ended;
  // The second may come when all is done already.
  expect([second.code ?? second.signal]).toContainEqual(expect.toBeOneOf(["SIGINT", 130]));
  expect((await run("twice")).code).toBe(0);
  await expectWhole("twice");
});

test("two trainers do not write one folder; the lock of a killed one does not stop the next", async () => {
  const { child, ended } = start("shared");
  while (running(child) && !(await readdir(join(cwd, "shared")).catch(() => [] as string[])).includes("lock.json"))
    await setTimeout(1);
  const refused = await run("shared");
  expect([refused.code, refused.stdout]).toEqual([2, ""]);
  expect(refused.stderr).toMatch(/^error: shared: process \d+ on \S+ is training there \(shared\/lock\.json\)\. Wait/m);
  child.kill("SIGKILL");
  await ended;
  const next = await run("shared");
  expect([next.code, next.stderr]).toEqual([0, expect.stringMatching(/lock\.json: process \d+ on \S+ is gone/)]);
  await expectWhole("shared");
});

test("a full disk is named with the last good checkpoint, from which it goes on when there is room", async () => {
  const { child, ended } = start("full");
  while (running(child) && (await checkpointsOf("full")).length === 0) await setTimeout(1);
  child.kill("SIGINT");
  await ended;
  // A limit on the size of files stands for the full disk: the write fails in the same place, here within the training state.
  const limited = await new Promise<Pick<Finished, "code" | "stderr">>((done) => {
    const line = `ulimit -f 3000; exec "$0" ${command("full").join(" ")}`;
    execFile("bash", ["-c", line, program], { cwd }, (error, _stdout, stderr) =>
      done({ code: Number(error?.code ?? 0), stderr }),
    );
  });
  expect(limited.code).toBe(1);
  const last = (await checkpointsOf("full")).sort().at(-1);
  expect(limited.stderr).toContain(
    `error: full: cannot be written, the disk is full (EFBIG). Make room (a checkpoint is written before the oldest goes), ` +
      `then use --resume auto: the last good checkpoint is full/checkpoints/${last}.`,
  );
  expect(half(await checkpointsOf("full"))).toEqual([]);
  expect((await run("full")).code).toBe(0);
  await expectWhole("full");
});

test("a damaged checkpoint is passed over, and a torn line of metrics.jsonl is written again", async () => {
  await cp(join(cwd, "whole"), join(cwd, "flipped"), { recursive: true });
  const state = join(cwd, "flipped/checkpoints", `step-00000${steps}`, "training_state.safetensors");
  const bytes = await readFile(state);
  bytes[bytes.length - 1000]! ^= 1;
  await writeFile(state, bytes);
  const metrics = join(cwd, "flipped/metrics.jsonl");
  await writeFile(metrics, (await readFile(metrics)).subarray(0, -40));
  const { code, stderr } = await run("flipped");
  expect(code).toBe(0);
  expect(stderr).toMatch(
    /passed over: flipped\/checkpoints\/step-0000024: damaged: training_state\.safetensors is not what was written/,
  );
  expect(stderr).toMatch(/resuming at step 21 from flipped\/checkpoints\/step-0000021/);
  await expectWhole("flipped");
});
