import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { tinyConfig, tinyStore } from "../../tests/helpers/tiny-training.js";
import { createLoader } from "./batch.js";
import type { TrainConfig } from "./config.js";
import { createSession } from "./session.js";
import { runUpdate } from "./update.js";
import { countUpdate, measureLimit, precisionAdvice } from "./work.js";

let config: TrainConfig;
beforeAll(async () => {
  config = await tinyConfig();
});
const store = tinyStore();

async function count(change: (config: TrainConfig) => void): Promise<number> {
  const changed = structuredClone(config);
  change(changed);
  const session = await createSession(changed, store);
  return countUpdate(session, createLoader(store, changed, session.tokenizer));
}

test("a batch counts what PyTorch counts in diffusers and transformers (scripts/oracles/training_flops.py)", async () => {
  const path = resolve(import.meta.dirname, "../../tests/goldens/training-flops.json");
  const golden = JSON.parse(await readFile(path, "utf8")) as { trained: number; frozen: number };
  for (const [trained, flops] of [
    [true, golden.trained],
    [false, golden.frozen],
  ] as const) {
    const counted = await count(({ optimizer }) => {
      optimizer.accumulate = 1;
      optimizer.train_text_encoder = trained;
    });
    expect(counted).toBe(flops);
  }
});

test("an update counts its batches", async () => {
  const whole = await count(() => {});
  expect(
    await count(({ optimizer }) => {
      optimizer.accumulate = 1;
    }),
  ).toBe(whole / 2);
  expect(
    await count(({ optimizer }) => {
      optimizer.batch *= 3;
    }),
  ).toBe(whole * 3);
});

test("photos of the heads add to it, and counting changes no number of the run", async () => {
  const auxiliary = { sentence: 1, presence: 1, extent: 1, asked: 1, photos: 4 };
  const unet = { ...config.model.unet, addition_embed_type: "text" as const, addition_embed_type_num_heads: 2 };
  const recipe = { ...config, model: { ...config.model, unet }, loss: { ...config.loss, auxiliary } };
  const losses: number[] = [];
  for (const counted of [false, true]) {
    const session = await createSession(recipe, store);
    const loader = createLoader(store, recipe, session.tokenizer);
    if (counted) expect(await countUpdate(session, loader)).toBeGreaterThan(await count(() => {}));
    losses.push((await runUpdate(session, loader, 1, 1e-3)).loss);
  }
  expect(losses[1]).toBe(losses[0]);
});

test("the limit is a rate of this machine and leaves no tensor behind", async () => {
  const { torch } = await createSession(config, store);
  const before = torch.liveTensors();
  const limit = measureLimit(torch, "float32");
  expect(limit).toBeGreaterThan(1e8);
  expect(limit).toBeLessThan(1e16);
  expect(torch.liveTensors()).toBe(before);
});

test("a precision that the machine only imitates is told apart from one that it is made for", () => {
  expect(precisionAdvice("bfloat16", 8e9, 70e9)).toBe(
    "This machine multiplies matrices at 8.00 GFLOP/s in bfloat16, 70.0 GFLOP/s in float32: compute.dtype: float32 should train faster here.",
  );
  expect(precisionAdvice("bfloat16", 70e9, 75e9)).toBeUndefined();
  expect(precisionAdvice("bfloat16", 140e9, 70e9)).toBeUndefined();
  expect(precisionAdvice("float32", 70e9, 70e9)).toBeUndefined();
});
