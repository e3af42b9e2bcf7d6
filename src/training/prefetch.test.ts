/** Batches made in other threads, ahead of the updates, are those of the training thread; what goes wrong there ends the run by name. */
import { cp, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inOrder } from "../../tests/helpers/in-order.js";
import { writeTinyCorpus } from "../../tests/helpers/tiny-corpus.js";
import { tinyConfig, tinySize } from "../../tests/helpers/tiny-training.js";
import type { Loader } from "./batch.js";
import type { TrainConfig } from "./config.js";
import { createPainterThreads } from "./painter-threads.js";
import { batchIndex, prefetch } from "./prefetch.js";
import { train } from "./run.js";

let folder: string;
let config: TrainConfig;
const little = (3.5 * tinySize ** 2) / 2 ** 20;
const using = (data: Partial<TrainConfig["data"]>): TrainConfig => ({ ...config, data: { ...config.data, ...data } });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-prefetch-"));
  await writeTinyCorpus(join(folder, "corpus"));
  config = await tinyConfig();
  config.data = { ...config.data, corpus: join(folder, "corpus"), pairs: 0.5 };
  config.model.unet = { ...config.model.unet, addition_embed_type: "text", addition_embed_type_num_heads: 2 };
  config.loss.auxiliary = { sentence: 0.1, presence: 0.1, extent: 0.1, asked: 0.1, photos: 4 };
  config.duration = { steps: 5 };
  config.output = { ...config.output, log_every: 1, sample_every: null };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const threads = () => process.getActiveResourcesInfo().filter((name) => name === "MessagePort").length;
const lines = async (out: string) =>
  (await readFile(join(out, "metrics.jsonl"), "utf8"))
    .trim()
    .split("\n")
    .map((line) => {
      const { step, loss, losses, auxiliary, gradNorm } = JSON.parse(line);
      return { step, loss, losses, auxiliary, gradNorm };
    });

test("whole runs are the same to the bit with 0, 1 and 2 workers, in memory and read as drawn, interrupted too", async () => {
  const run = async (name: string, data: Partial<TrainConfig["data"]>) => {
    const out = join(folder, name);
    const recipe = using(data);
    let most = 0;
    const onProgress = () => {
      most = Math.max(most, threads());
    };
    const quiet = { onProgress, onNote: () => {} };
    if (name === "2-read") {
      const stop = new AbortController();
      await train(recipe, { ...quiet, out, signal: stop.signal, onProgress: ({ step }) => step === 2 && stop.abort() });
    }
    await train(recipe, { ...quiet, out, resume: "auto" });
    const weights = await readFile(join(out, "checkpoints/step-0000005/training_state.safetensors"));
    return { lines: await lines(out), weights: weights.toString("base64"), threads: most };
  };
  const expected = await run("0-memory", { workers: 0, memory_mb: 10 });
  expect(expected.lines).toHaveLength(5);
  const others = [
    [0, "read"],
    [1, "memory"],
    [2, "memory"],
    [2, "read"],
  ] as const;
  await inOrder(others, async ([workers, way]) => {
    const name = `${workers}-${way}`;
    const found = await run(name, { workers, memory_mb: way === "read" ? little : 10 });
    expect(found.lines, name).toEqual(expected.lines);
    expect(found.weights === expected.weights, name).toBe(true);
    expect(found.threads, name).toBe(workers);
  });
  expect(threads()).toBe(0);
}, 120_000);

test("a rank is asked for what its updates will ask, and no more than the depth ahead", async () => {
  const asked: string[] = [];
  const spy = {
    batch: async (step: number) => asked.push(`batch ${step}`),
    photos: async (step: number) => asked.push(`photos ${step}`),
    close: async () => {},
  } as unknown as Loader;
  const recipe = { ...config, optimizer: { ...config.optimizer, accumulate: 2 } };
  const team = { rank: 1, world: 2 };
  const coming = prefetch(spy, recipe, team, 3, 4);
  expect(asked).toEqual(["batch 10", "batch 11", "photos 2", "batch 14"]);
  await inOrder([0, 1], (i) => coming.batch(batchIndex(3, i, 2, team)));
  expect(asked.slice(4)).toEqual(["batch 15", "photos 3"]);
  await coming.photos(2, 4);
  await inOrder([0, 1], (i) => coming.batch(batchIndex(4, i, 2, team)));
  // Each once.
  expect(new Set(asked).size).toBe(asked.length);
  const plainly = prefetch(spy, recipe, team, 1, 0);
  asked.length = 0;
  await plainly.batch(2);
  expect(asked).toEqual(["batch 2"]);
});

test("a picture that cannot be decoded ends the run with its shard, record and byte, and the threads with it", async () => {
  const corpus = join(folder, "spoilt");
  await cp(join(folder, "corpus"), corpus, { recursive: true });
  const recipe = using({ corpus, workers: 2, memory_mb: little });
  // Spoilt after the checksums were verified, as a disk does it.
  const spoil = async () => {
    const manifest = JSON.parse(await readFile(join(corpus, "manifest.json"), "utf8"));
    for (const { file } of manifest.splits.train.shards) {
      const at = (await readFile(join(corpus, file))).indexOf(".image.jpg") + 520;
      // In place: a file written anew is empty for a moment, which is another fault.
      const shard = await open(join(corpus, file), "r+");
      await shard.write(Buffer.alloc(64), 0, 64, at);
      await shard.close();
    }
  };
  const run = train(
    { ...recipe, duration: { steps: 500 } },
    { out: join(folder, "spoilt-run"), onNote: () => {}, onProgress: ({ step }) => void (step === 2 && spoil()) },
  );
  await expect(run).rejects.toThrow(/train\S*\.tar: record \d-\S+ at byte 512: .*image\.jpg/);
  expect(threads()).toBe(0);
});

test("a thread that ends by itself is named at once, not waited for", async () => {
  const painter = createPainterThreads(1, { config, side: tinySize, budget: 0 });
  // Without a recipe it dies of an exception as it starts.
  const broken = createPainterThreads(1, { config: null as never, side: tinySize, budget: 0 });
  await expect(broken.examples([])).rejects.toThrow(
    /A thread that makes batches ended: .*null.* Set data\.workers to 0/,
  );
  await expect(broken.frames([])).rejects.toThrow(/A thread that makes batches ended/);
  await expect(painter.examples([null as never])).rejects.toThrow(/null/);
  expect(await painter.frames([])).toHaveLength(0);
  await Promise.all([painter.close(), broken.close()]);
  expect(threads()).toBe(0);
});
