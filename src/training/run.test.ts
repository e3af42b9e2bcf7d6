import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { writeTinyCorpus } from "../../tests/helpers/tiny-corpus.js";
import { tinyConfig } from "../../tests/helpers/tiny-training.js";
import { readCheckpoint } from "../checkpoints/folder.js";
import { parseConfig, type TrainConfig } from "./config.js";
import type { TrainProgress } from "./progress.js";
import { train } from "./run.js";
import { readRunInfo } from "./run-info.js";

let folder: string;
let config: TrainConfig;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-train-"));
  await writeTinyCorpus(join(folder, "corpus"));
  config = await tinyConfig();
  config.data.corpus = join(folder, "corpus");
  config.duration = { steps: 6 };
  config.output = { ...config.output, log_every: 1, sample_every: 3 };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const quiet = () => {};
const bytes = (...path: string[]) => readFile(join(folder, ...path));

test("a run leaves a model, its recipe, its metrics and pictures", async () => {
  const seen: TrainProgress[] = [];
  const result = await train(config, { out: join(folder, "whole"), onProgress: (progress) => seen.push(progress) });
  expect(result).toMatchObject({ step: 6, finished: true, model: join(folder, "whole/model") });
  expect(seen.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(seen[5]).toMatchObject({ fraction: 1, steps: 6, etaSeconds: 0 });
  expect(seen[2]!.validation).toMatchObject({ depthRmse: expect.any(Number), segmentationIou: expect.any(Number) });

  const { unet, textEncoder, defaults } = await readCheckpoint(result.model!);
  expect(unet.weights.entries.size).toBeGreaterThan(50);
  expect(textEncoder.config.vocab_size).toBeGreaterThan(514);
  expect(defaults).toMatchObject({ name: "tiny", resolution: 32, steps: 1, categories: ["cat", "dog"] });
  expect(parseConfig(parse((await bytes("whole/config.yaml")).toString()), "config.yaml")).toEqual(config);
  expect((await bytes("whole/metrics.jsonl")).toString().trim().split("\n")).toHaveLength(6);
  expect((await bytes("whole/loss.svg")).toString()).toContain("<polyline");
  expect(await readdir(join(folder, "whole/samples"))).toEqual(["step-0000003.png", "step-0000006.png"]);
  expect(await readdir(join(folder, "whole/tensorboard"))).toHaveLength(1);
  expect((await readRunInfo(join(folder, "whole")))!.starts).toMatchObject([{ step: 0, resumed_from: null }]);
  expect(seen[5]!.flopsPerSecond).toBeGreaterThan(1e6);
  expect(seen[5]!.limitShare).toBeGreaterThan(0); // its value is in meter.test.ts: on a busy machine the measured limit can be below the speed
  expect(await readdir(join(folder, "whole"))).not.toContainEqual(expect.stringMatching(/tmp/));
});

test("stopped after three steps and resumed, the weights are the same to the bit", async () => {
  const out = join(folder, "halves");
  const stop = new AbortController();
  const onProgress = ({ step }: TrainProgress) => step === 3 && stop.abort();
  const first = await train(config, { out, signal: stop.signal, onProgress });
  expect(first).toMatchObject({
    step: 3,
    finished: false,
    model: null,
    checkpoint: join(out, "checkpoints/step-0000003"),
  });
  const second = await train(config, { out, resume: true, onProgress: quiet });
  expect(second).toMatchObject({ step: 6, finished: true });
  for (const file of [
    "checkpoints/step-0000006/training_state.safetensors",
    "model/unet/diffusion_pytorch_model.safetensors",
  ]) {
    expect((await bytes("halves", file)).equals(await bytes("whole", file)), file).toBe(true);
  }
  expect((await readRunInfo(out))!.starts).toMatchObject([{ step: 0 }, { step: 3, resumed_from: first.checkpoint }]);
  const steps = (await bytes("halves/metrics.jsonl")).toString().trim().split("\n");
  expect(steps.map((line) => (JSON.parse(line) as TrainProgress).step)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("a model can be the start of another run, at another size", async () => {
  const next: TrainConfig = {
    ...config,
    model: { ...config.model, init: join(folder, "whole/model"), resolution: 64 },
    duration: { steps: 1 },
  };
  const { model } = await train(next, { out: join(folder, "next"), onProgress: quiet });
  expect((await bytes("next/model/tokenizer/vocab.json")).equals(await bytes("whole/model/tokenizer/vocab.json"))).toBe(
    true,
  );
  expect((await readCheckpoint(model!)).defaults.resolution).toBe(64);
});

test("a run by the clock ends, at most two checkpoints stay", async () => {
  const output = { ...config.output, checkpoint_minutes: 1e-6, sample_every: null };
  const timed: TrainConfig = { ...config, duration: { minutes: 0.02 }, output };
  const { finished, minutes } = await train(timed, { out: join(folder, "clock"), onProgress: quiet });
  expect(finished).toBe(true);
  expect(minutes).toBeGreaterThanOrEqual(0.02);
  expect((await readdir(join(folder, "clock/checkpoints"))).length).toBeLessThanOrEqual(2);
});

test("a folder with a run is not overwritten, an empty one not resumed", async () => {
  await expect(train(config, { out: join(folder, "whole") })).rejects.toThrow(/holds a run already/);
  await expect(train(config, { out: join(folder, "none"), resume: true })).rejects.toThrow(/no checkpoint to resume/);
  await expect(train(config, { out: join(folder, "none"), resume: folder })).rejects.toThrow(
    /training\.json: no such file/,
  );
});

test("an exploding loss stops the run with the cure", async () => {
  const wild: TrainConfig = {
    ...config,
    optimizer: { ...config.optimizer, lr: 1e30, warmup: 0 },
    duration: { steps: 20 },
  };
  await expect(train(wild, { out: join(folder, "wild"), onProgress: quiet })).rejects.toThrow(
    /the loss is .* Lower optimizer\.lr/,
  );
});

test("a corpus without a record to watch training on is named before anything is trained", async () => {
  const corpus = join(folder, "unwatched");
  await cp(join(folder, "corpus"), corpus, { recursive: true });
  const manifest = JSON.parse(await readFile(join(corpus, "manifest.json"), "utf8"));
  manifest.splits.val = { shards: [], records: 0, photos: 0 };
  await writeFile(join(corpus, "manifest.json"), JSON.stringify(manifest));
  const unwatched = { ...config, data: { ...config.data, corpus } };
  await expect(train(unwatched, { out: join(folder, "unwatched-run"), onProgress: quiet })).rejects.toThrow(
    /unwatched: the split "val" has no record\. Build the corpus with a larger val_share/,
  );
});
