import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { type CheckpointContents, readCheckpoint, writeCheckpoint } from "./folder.js";

const root = await mkdtemp(join(tmpdir(), "instructcv-folder-"));
afterAll(() => rm(root, { recursive: true }));
const dir = join(root, "tiny");

const tensors = new Map([["conv_in.bias", { shape: [2], data: Float32Array.of(1, 2) }]]);
const levels = {
  block_out_channels: [8, 16],
  down_block_types: ["DownBlock2D" as const, "CrossAttnDownBlock2D" as const],
  up_block_types: ["CrossAttnUpBlock2D" as const, "UpBlock2D" as const],
};
const contents: CheckpointContents = {
  unet: { config: { in_channels: 96, out_channels: 48, cross_attention_dim: 12, ...levels }, tensors },
  textEncoder: { config: { vocab_size: 300, hidden_size: 12 }, tensors },
  vae: { config: { _class_name: "SpaceToDepth", factor: 4 } },
  tokenizer: { config: { model_max_length: 32 }, vocab: { a: 0 }, merges: ["a b</w>"] },
  scheduler: { prediction_type: "sample", timestep_spacing: "trailing", rescale_betas_zero_snr: true },
  defaults: { resolution: 96, steps: 1, guidance: { text: 1, image: 1 }, categories: ["cat"] },
};
beforeEach(() => writeCheckpoint(dir, contents));

test("what is written is read back", async () => {
  const checkpoint = await readCheckpoint(dir);
  expect(checkpoint).toMatchObject({
    name: "tiny",
    unet: { config: { in_channels: 96, out_channels: 48, layers_per_block: 2, ...levels } },
    textEncoder: { config: { vocab_size: 300, hidden_act: "quick_gelu" } },
    vae: { config: { _class_name: "SpaceToDepth", factor: 4 }, weights: null },
    tokenizer: { config: { model_max_length: 32, eos_token: "<|endoftext|>" } },
    scheduler: { _class_name: "DDIMScheduler", prediction_type: "sample" },
    defaults: { resolution: 96, steps: 1, categories: ["cat"] },
  });
  expect(checkpoint.unet.weights.read("conv_in.bias")).toEqual(Float32Array.of(1, 2));
  expect(await readFile(checkpoint.tokenizer.mergesPath, "utf8")).toBe("#version: 0.2\na b</w>\n");
  expect(await readdir(dir)).not.toContainEqual(expect.stringContaining(".tmp"));
});

test("a foreign pipeline gets the paper's defaults", async () => {
  await rm(join(dir, "instructcv.json"));
  const { defaults } = await readCheckpoint(dir);
  expect(defaults).toMatchObject({ resolution: 512, steps: 100, guidance: { text: 7.5, image: 1.5 } });
});

test("an overwrite keeps the files it does not own", async () => {
  await writeFile(join(dir, "README.md"), "a card");
  await writeCheckpoint(dir, contents);
  expect(await readFile(join(dir, "README.md"), "utf8")).toBe("a card");
});

const damage: [string, () => Promise<void>, RegExp][] = [
  ["no folder", () => rm(dir, { recursive: true }), /tiny: does not exist/],
  ["no index", () => rm(join(dir, "model_index.json")), /tiny: is not a checkpoint/],
  ["no weights", () => rm(join(dir, "unet/diffusion_pytorch_model.safetensors")), /unet\/diffusion.*ENOENT/],
  ["cut weights", () => truncate(join(dir, "text_encoder/model.safetensors"), 90), /text_encoder\/model.safetensors: /],
  ["no vocabulary", () => rm(join(dir, "tokenizer/vocab.json")), /vocab.json: is missing/],
  ["no config", () => rm(join(dir, "scheduler/scheduler_config.json")), /scheduler_config.json: is missing/],
  ["config not JSON", () => writeFile(join(dir, "vae/config.json"), "{"), /vae\/config.json: is not JSON/],
  [
    "unsupported option",
    () => writeFile(join(dir, "unet/config.json"), '{"time_embedding_type":"fourier"}'),
    /unet\/config.json: time_embedding_type: /,
  ],
  [
    "levels differ",
    () => writeFile(join(dir, "unet/config.json"), '{"block_out_channels":[8]}'),
    /unet\/config.json: down_block_types: expected 1 levels, found 4; up_block_types/,
  ],
];
test.each(damage)("%s: one line naming the file", async (_, break_, message) => {
  await break_();
  const error = await readCheckpoint(dir).catch((e: unknown) => e);
  expect(error).toMatchObject({ name: "InstructCvError", code: "checkpoint" });
  expect((error as Error).message).toMatch(message);
  expect((error as Error).message).not.toContain("\n");
});
