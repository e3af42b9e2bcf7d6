import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inOrder } from "../../tests/helpers/in-order.js";
import { pix2pixConfig, writePix2PixStart } from "../../tests/helpers/pix2pix-training.js";
import { tinyConfig, tinyStore, tinyTokenizer } from "../../tests/helpers/tiny-training.js";
import { noiseLevel, sampleMix } from "../diffusion/prediction.js";
import type { TaskName } from "../tasks/task.js";
import { createTorch } from "../tensor/torch/index.js";
import type { Batch } from "./batch.js";
import { createLoader } from "./batch.js";
import { parseConfig } from "./config.js";
import { pixelLosses } from "./pixel-loss.js";
import { createSession } from "./session.js";
import { drawsOf, stepLoss } from "./step.js";
import { runUpdate } from "./update.js";

const torch = createTorch({ threads: 1 });

/** Frames of one pixel; values are shares of the range, colours r, g, b. */
function frames(tasks: readonly TaskName[], targets: readonly number[], weights: readonly number[]): Batch {
  const target = Float32Array.from(targets, (t) => t * 2 - 1);
  const slots = tasks.map(() => ({ category: null }));
  const pixelWeights = Float32Array.from(weights);
  return { size: 1, tasks, slots, image: target, target, pixelWeights, ids: new BigInt64Array() };
}

test("each task's loss by hand, and its gradient", () => {
  const tasks = ["segmentation", "depth", "detection", "classification"] as const;
  const targets = [1, 1, 0, 0.2, 0.2, 0.2, 0, 0, 1, 1, 0, 0];
  const drawn = [0.8, 1.3, 0.25, 0.5, 0.1, 0.2, 0.5, -0.5, 0.75, 0.5, 0.5, 0.25];
  const batch = frames(tasks, targets, [1, 0.5, 4, 1]);
  torch.tidy(() => {
    const values = Float32Array.from(drawn, (p) => p * 2 - 1);
    const leaf = torch.tensor(values, [4, 3, 1, 1], { requiresGrad: true });
    const found = pixelLosses(torch.ops, batch, leaf);
    torch.backward(torch.ops.sum(found));
    const expected = [
      (-Math.log(0.8) + 0 - Math.log(0.75)) / 3,
      (0.5 * (0.3 + 0.1 + 0)) / 3,
      (4 * (0.5 + 0.5 + 0.25)) / 3,
      (0.25 + 0.25 + 0.0625) / 3,
    ];
    for (const [i, value] of torch.read(found).entries()) expect(value).toBeCloseTo(expected[i]!, 5);
    // By a drawn value in -1..1, half of that by its share; the sixth is exact, where either side will do.
    const slopes = [-1 / 0.8, 0, 1 / 0.75, 0.5, -0.5, 0, 4, -4, -4, -1, 1, 0.5].map((slope) => slope / 6);
    for (const [i, value] of torch.read(torch.grad(leaf)!).entries()) expect(value).toBeCloseTo(slopes[i]!, 4);
  });
});

test("a mask pixel that is wrong and out of range has a finite loss and is pulled back", () => {
  torch.tidy(() => {
    const leaf = torch.tensor(Float32Array.of(-3, 3, -1), [1, 3, 1, 1], { requiresGrad: true });
    const found = pixelLosses(torch.ops, frames(["segmentation"], [1, 0, 1], [1]), leaf);
    torch.backward(torch.ops.sum(found));
    // Shares -1, 2 and 0: beyond 0.01 the loss is -log 0.01 plus 100 for each share missing.
    const one = -Math.log(0.01);
    expect(torch.item(found)).toBeCloseTo((3 * one + 101 + 101 + 1) / 3, 3);
    const slopes = [...torch.read(torch.grad(leaf)!)];
    for (const [i, sign] of [-1, 1, -1].entries()) expect(slopes[i]).toBeCloseTo((sign * 100) / 6, 3);
  });
});

async function pixelSession() {
  const recipe = await tinyConfig();
  const loss = { ...recipe.loss, space: "pixels" as const, terminal_share: 1 };
  const config = parseConfig({ ...recipe, loss }, "test");
  const store = tinyStore();
  const session = await createSession(config, store, await tinyTokenizer());
  return { config, session, loader: createLoader(store, config, session.tokenizer) };
}

test("the step draws its answer in one step from the last timestep and takes the loss of that picture", async () => {
  const { config, session, loader } = await pixelSession();
  const { torch, models, stepOptions } = session;
  const batch = await loader.batch(0);
  const draws = drawsOf(config.seed, 0, batch.tasks.length, stepOptions);
  expect(new Set(draws.timesteps)).toEqual(new Set([999]));
  torch.noGrad(() =>
    torch.tidy(() => {
      torch.manualSeed(1);
      const noise = { latents: torch.randn([4, 48, 8, 8]), posterior: null, perturbation: null };
      const { perSample, loss, prediction, noisy } = stepLoss(torch.ops, models, batch, draws, noise, stepOptions);
      const { a, b } = sampleMix("v_prediction", noiseLevel(stepOptions.schedule, 999));
      const sample = torch.ops.add(torch.ops.mul(prediction, a), torch.ops.mul(noisy, b));
      const expected = torch.read(pixelLosses(torch.ops, batch, models.codec.decode(torch.ops, sample)));
      expect(torch.read(perSample)).toEqual(expected);
      expect(torch.item(loss)).toBeCloseTo(
        expected.reduce((sum, value) => sum + value / 4, 0),
        6,
      );
    }),
  );
});

test("with an autoencoder the answer of epsilon is decoded, and the gradient comes through the frozen decoder", async () => {
  const folder = await mkdtemp(join(tmpdir(), "instructcv-pixels-"));
  await writePix2PixStart(join(folder, "start"));
  const recipe = await pix2pixConfig(join(folder, "start"), "epsilon");
  const config = { ...recipe, loss: { ...recipe.loss, space: "pixels" as const, terminal_share: 1 } };
  const store = tinyStore();
  const { torch, models, optimizer, stepOptions, tokenizer } = await createSession(config, store);
  await rm(folder, { recursive: true });
  const batch = await createLoader(store, config, tokenizer).batch(0);
  const draws = drawsOf(config.seed, 0, batch.tasks.length, stepOptions);
  torch.tidy(() => {
    const { ops } = torch;
    torch.manualSeed(1);
    const latents = torch.randn([4, 4, 8, 8]);
    const noise = { latents, posterior: torch.randn([4, 4, 8, 8]), perturbation: null };
    const { perSample, loss, prediction, noisy } = stepLoss(ops, models, batch, draws, noise, stepOptions);
    const alpha = stepOptions.schedule.alphasCumprod[999]!;
    const sample = ops.div(ops.sub(noisy, ops.mul(prediction, Math.sqrt(1 - alpha))), Math.sqrt(alpha));
    const picture = models.codec.decode(ops, ops.div(sample, 0.18215));
    const expected = torch.read(pixelLosses(ops, batch, picture));
    for (const [i, value] of torch.read(perSample).entries()) expect(value).toBeCloseTo(expected[i]!, 4);
    torch.backward(loss);
    const output = optimizer.slots.find(({ name }) => name === "unet.conv_out.weight")!;
    expect(torch.read(torch.grad(output.weight)!).some((value) => Math.abs(value) > 1e-4)).toBe(true);
  });
});

test("training on it lowers it", async () => {
  const { session, loader } = await pixelSession();
  const updates = await inOrder(Array(24).keys(), (i) => runUpdate(session, loader, i + 1, 2e-3));
  const losses = updates.map(({ loss }) => loss);
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value / values.length, 0);
  expect(mean(losses.slice(-6))).toBeLessThan(0.7 * mean(losses.slice(0, 6)));
});

test("it needs every sample at the last timestep, and no min-SNR", async () => {
  const recipe = await tinyConfig();
  const parse = (change: object) =>
    parseConfig({ ...recipe, loss: { ...recipe.loss, space: "pixels", ...change } }, "x");
  expect(() => parse({})).toThrow(/loss\.space: .*terminal_share to 1/);
  expect(() => parse({ terminal_share: 1, min_snr_gamma: 5 })).toThrow(/min_snr_gamma to null/);
});
