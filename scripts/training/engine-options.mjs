#!/usr/bin/env node
// `npm run build && node scripts/training/engine-options.mjs RECIPE BATCH SIDE [DTYPE]`: forward and backward of a recipe's UNet on
// latents of SIDE x SIDE with each of the engine's options, on one thread: processor time (other work on the machine hardly counts)
// and the memory that it took beyond the weights. With `wide` for RECIPE: three levels of Stable Diffusion's widths, one layer each.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const root = new URL("../../", import.meta.url);
const variants = {
  plain: {},
  "channels last": { channelsLast: true },
  "activation checkpointing": { activationCheckpointing: true },
};
const [recipe, batch, side, dtype = "float32", variant] = process.argv.slice(2);
if (!side) throw new Error("usage: engine-options.mjs RECIPE|wide BATCH SIDE [DTYPE]");

function unetConfig() {
  const path = recipe === "wide" ? new URL("configs/paper.yaml", root) : recipe;
  const { unet } = parse(readFileSync(path, "utf8")).model;
  if (recipe !== "wide") return unet;
  const levels = {
    down_block_types: unet.down_block_types.slice(1),
    up_block_types: unet.up_block_types.slice(0, 3),
    block_out_channels: [320, 640, 1280],
  };
  return { ...unet, ...levels, layers_per_block: 1 };
}

async function measure() {
  const { createTorch } = await import(new URL("dist/tensor/torch/index.js", root));
  const { UNet2DConditionModel } = await import(new URL("dist/models/unet.js", root));
  const config = unetConfig();
  const torch = createTorch({ threads: 1, computeDtype: dtype, ...variants[variant] });
  const unet = new UNet2DConditionModel(config);
  const weights = [];
  unet.bind((_, { shape }) => {
    const size = shape.reduce((product, n) => product * n, 1);
    const values = Float32Array.from({ length: size }, () => (Math.random() - 0.5) * 0.05);
    weights.push(torch.tensor(values, shape, { requiresGrad: true }));
    return weights.at(-1);
  });
  const before = process.memoryUsage.rss();
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i++) {
    const start = process.cpuUsage();
    torch.tidy(() => {
      const B = Number(batch);
      const sample = torch.randn([B, config.in_channels, Number(side), Number(side)]);
      const encoderHiddenStates = torch.randn([B, 77, config.cross_attention_dim]);
      const timestep = torch.tensor(new Float32Array(B).fill(500), [B]);
      const drawn = torch.ops.cast(unet.forward(torch.ops, { sample, timestep, encoderHiddenStates }), "float32");
      torch.backward(torch.ops.mean(torch.ops.mul(drawn, drawn)));
      torch.zeroGrad(weights);
    });
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1e6);
  }
  const peak = (process.resourceUsage().maxRSS * 1024 - before) / 1e6;
  console.log(`${variant.padEnd(25)} ${best.toFixed(2).padStart(6)} s ${peak.toFixed(0).padStart(6)} MB`);
}

if (variant) await measure();
else {
  for (const name of Object.keys(variants)) {
    const args = [fileURLToPath(import.meta.url), recipe, batch, side, dtype, name];
    const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
    if (status !== 0) process.exit(1);
  }
}
