/** Measures the training step of a recipe, and the same step in PyTorch where a Python has it. */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRng } from "../random.js";
import type { TaskName } from "../tasks/task.js";
import { createLoader, type Loader } from "../training/batch.js";
import type { TrainConfig } from "../training/config.js";
import { createSession } from "../training/session.js";
import { groupSamples, type Store, type StoredSample } from "../training/store.js";
import { runUpdate } from "../training/update.js";
import { findPython } from "./original-builder.js";

const ROUNDS = 3;
const STEPS = 4;
const LOADER_BATCHES = 8;
const PHOTO_SIZE = 128;
const root = fileURLToPath(new URL("../../", import.meta.url));

export interface TrainingRow {
  /** Best of the rounds, batches included. */
  readonly samplesPerSecond: number;
  readonly loaderShare: number;
  /** The loader alone, best of the rounds. */
  readonly loaderSamplesPerSecond: number;
  /** Samples a second in PyTorch, batches not included; or why it was not measured. */
  readonly pytorch: { readonly samplesPerSecond: number; readonly torch: string } | string;
}

/** Rounds of the two take turns, so that a busy machine slows both. */
export async function benchTraining(config: TrainConfig): Promise<TrainingRow> {
  const store = noiseStore();
  const session = await createSession(config, store);
  const loader = createLoader(store, config, session.tokenizer);
  const python = findPython("torch, diffusers, transformers");
  const rates: number[] = [];
  const shares: number[] = [];
  const loaderRates: number[] = [];
  const reference: { samples_per_second: number; torch: string }[] = [];
  let update = 0;
  const run = () => runUpdate(session, loader, ++update, 1e-4);
  await run();
  for (let round = 0; round < ROUNDS; round++) {
    await run();
    const start = performance.now();
    let loaderMs = 0;
    for (let i = 0; i < STEPS; i++) loaderMs += (await run()).loaderMs;
    const ms = performance.now() - start;
    rates.push((STEPS * config.optimizer.batch * config.optimizer.accumulate * 1000) / ms);
    shares.push(loaderMs / ms);
    loaderRates.push(await loaderRate(loader, config.optimizer.batch));
    if (python) reference.push(await pytorch(python, config, session.tokenizer.vocabSize));
  }
  const best = reference.sort((a, b) => b.samples_per_second - a.samples_per_second)[0];
  return {
    samplesPerSecond: Math.max(...rates),
    loaderShare: Math.min(...shares),
    loaderSamplesPerSecond: Math.max(...loaderRates),
    pytorch: best
      ? { samplesPerSecond: best.samples_per_second, torch: best.torch }
      : "no Python with torch, diffusers and transformers in .venv or on the PATH",
  };
}

/** Samples a second that the loader alone makes. */
async function loaderRate(loader: Loader, batch: number): Promise<number> {
  const start = performance.now();
  for (let step = 0; step < LOADER_BATCHES; step++) await loader.batch(step);
  return (LOADER_BATCHES * batch * 1000) / (performance.now() - start);
}

/** Noise photos of a corpus' size with every kind of label; what they show does not matter to the clock. */
function noiseStore(): Store {
  const rng = createRng("bench");
  const area = PHOTO_SIZE ** 2;
  const tasks: readonly TaskName[] = ["segmentation", "detection", "depth", "classification"];
  const samples = Array.from({ length: 64 }, (_, i): StoredSample => {
    const task = tasks[i % 4]!;
    const category = task === "depth" ? null : "cat";
    const facts = {
      size: [PHOTO_SIZE, PHOTO_SIZE],
      key: `${i}`,
      photo: `${i}`,
      dataset: "noise",
      instruction: "",
      wording: "template",
    } as const;
    return {
      record: { ...facts, task, slots: { category }, boxes: [[20, 20, 90, 100]], present: true, negative: false },
      photo: Uint8Array.from({ length: area * 3 }, () => rng.int(256)),
      mask: new Uint8Array(area).fill(255),
      millimetres: new Uint16Array(area).fill(2000),
    };
  });
  return { size: PHOTO_SIZE, samples, groups: groupSamples(samples) };
}

async function pytorch(python: string, config: TrainConfig, vocabSize: number) {
  const folder = await mkdtemp(join(tmpdir(), "instructcv-bench-"));
  try {
    const request = join(folder, "request.json");
    await writeFile(request, JSON.stringify({ config, vocab_size: vocabSize, steps: STEPS }));
    const { stdout, stderr } = spawnSync(python, [join(root, "bench/pytorch_step.py"), request], { encoding: "utf8" });
    const line = stdout.trim().split("\n").at(-1) ?? "";
    if (!line.startsWith("{")) throw new Error(`bench/pytorch_step.py: ${stderr.trim().split("\n").at(-1)}`);
    return JSON.parse(line) as { samples_per_second: number; torch: string };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
