/** Activation checkpointing changes what is kept, not what is learned. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inOrder } from "../../tests/helpers/in-order.js";
import { pix2pixConfig, writePix2PixStart } from "../../tests/helpers/pix2pix-training.js";
import { tinyConfig, tinyStore } from "../../tests/helpers/tiny-training.js";
import { UNet2DConditionModel } from "../models/unet.js";
import { createTorch } from "../tensor/torch/index.js";
import { createLoader } from "./batch.js";
import type { TrainConfig } from "./config.js";
import { drawNoise } from "./noise.js";
import { createSession } from "./session.js";
import { drawsOf, photoLosses, stepLoss } from "./step.js";
import { runUpdate } from "./update.js";
import { countUpdate } from "./work.js";

let folder: string;
const store = tinyStore();
const recipes: Record<string, TrainConfig> = {};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-checkpointing-"));
  await writePix2PixStart(folder);
  recipes.adapter = await pix2pixConfig(folder, "lora");
  // Text encoder trained too, the sentence's vector in the time embedding, heads on it and on the middle of the UNet.
  recipes.whole = await tinyConfig();
  const { model, loss } = recipes.whole;
  model.unet = { ...model.unet, addition_embed_type: "text", addition_embed_type_num_heads: 2 };
  loss.auxiliary = { sentence: 0.1, presence: 0.1, extent: 0.1, asked: 0.1, photos: 4 };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const open = async (recipe: TrainConfig, on: boolean) => {
  const config = { ...recipe, compute: { ...recipe.compute, threads: 1, activation_checkpointing: on } };
  const session = await createSession(config, store);
  return { session, loader: createLoader(store, config, session.tokenizer) };
};

/** Losses and gradients of one batch, then of the photos. */
async function gradients(recipe: TrainConfig, on: boolean) {
  const { session, loader } = await open(recipe, on);
  const { torch, models, config, optimizer, stepOptions } = session;
  const { ops } = torch;
  const batch = await loader.batch(0);
  const B = batch.tasks.length;
  const side = batch.size / models.codec.factor;
  // The zero factor of a fresh adapter would hide the gradient of the other one.
  for (const { name, weight } of optimizer.slots) {
    if (name.includes("lora_B")) torch.write(weight, torch.read(weight).fill(0.02));
  }
  const losses: number[] = [];
  torch.tidy(() => {
    torch.manualSeed(5);
    const noise = drawNoise(torch, models, config.loss, [B, config.model.unet.out_channels, side, side]);
    const { loss } = stepLoss(ops, models, batch, drawsOf(1, 0, B, stepOptions), noise, stepOptions);
    torch.backward(loss);
    losses.push(torch.item(loss));
  });
  if (models.auxiliary) {
    const photos = await loader.photos(0, 4);
    torch.tidy(() => {
      const { presence, extent, asked } = photoLosses(ops, models, photos, stepOptions);
      const loss = ops.add(ops.add(presence, extent), asked!);
      torch.backward(loss);
      losses.push(torch.item(loss));
    });
  }
  const found = new Map<string, Float32Array>();
  torch.tidy(() => {
    for (const { name, weight } of optimizer.slots) {
      const gradient = torch.grad(weight);
      if (gradient) found.set(name, torch.read(gradient));
    }
  });
  return { losses, found };
}

const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

test.each(["whole", "adapter"])("%s: losses and all gradients stay as they are", async (name) => {
  const kept = await gradients(recipes[name]!, false);
  const made = await gradients(recipes[name]!, true);
  expect(made.losses).toEqual(kept.losses);
  expect([...made.found.keys()]).toEqual([...kept.found.keys()]);
  expect(made.found.size).toBeGreaterThan(7);
  const joint = Math.hypot(...[...kept.found.values()].map(norm));
  for (const [weight, gradient] of kept.found) {
    const difference = gradient.map((value, i) => value - made.found.get(weight)![i]!);
    // The gradient of a key's bias is zero but for rounding: softmax does not see it.
    expect(norm(difference) / Math.max(norm(gradient), 1e-4 * joint), weight).toBeLessThan(1e-6);
  }
});

test.each(["whole", "adapter"])("%s: so do several updates, the tensors alive and the work counted", async (name) => {
  const runs = await inOrder([false, true], async (on) => {
    const { session, loader } = await open(recipes[name]!, on);
    const flops = await countUpdate(session, loader);
    const live: number[] = [];
    const losses = await inOrder([1, 2, 3, 4], async (update) => {
      const { loss } = await runUpdate(session, loader, update, 1e-3);
      live.push(session.torch.liveTensors());
      return loss;
    });
    expect(new Set(live).size).toBe(1);
    return { flops, losses };
  });
  expect(runs[1]!.flops).toBe(runs[0]!.flops);
  for (const [i, loss] of runs[1]!.losses.entries())
    expect(Math.abs(loss / runs[0]!.losses[i]! - 1)).toBeLessThan(1e-5);
});

test("the memory of a backward pass falls by more than a third", () => {
  const config = {
    in_channels: 8,
    out_channels: 4,
    block_out_channels: [16, 32],
    down_block_types: ["DownBlock2D", "DownBlock2D"],
    up_block_types: ["UpBlock2D", "UpBlock2D"],
    layers_per_block: 6,
    attention_head_dim: 2,
    cross_attention_dim: 16,
    norm_num_groups: 8,
  };
  const { rss } = process.memoryUsage;
  const after = (side: number, activationCheckpointing: boolean) => {
    const torch = createTorch({ threads: 1, activationCheckpointing });
    const unet = new UNet2DConditionModel(config as never);
    return torch.tidy(() => {
      const zeros = ({ shape }: { shape: readonly number[] }) => new Float32Array(shape.reduce((a, b) => a * b, 1));
      unet.bind((_, parameter) => torch.tensor(zeros(parameter), parameter.shape, { requiresGrad: true }));
      const [sample, encoderHiddenStates] = [torch.randn([4, 8, side, side]), torch.randn([4, 8, 16])];
      const timestep = torch.tensor(Float32Array.of(1, 2, 3, 4), [4]);
      torch.backward(torch.ops.sum(unet.forward(torch.ops, { sample, timestep, encoderHiddenStates })));
      return rss();
    });
  };
  // The engine keeps what it has freed, so each reading is the most so far: the frugal run goes first.
  const start = after(4, false);
  const made = after(32, true) - start;
  expect(after(32, false) - start).toBeGreaterThan(1.5 * made);
});
