/** Folders as other programs leave them: the configs of the released models, weight variants, pickles. */
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { readCheckpoint } from "./folder.js";
import { writeSafetensors } from "./safetensors.js";

const root = await mkdtemp(join(tmpdir(), "instructcv-released-"));
afterAll(() => rm(root, { recursive: true }));
const dir = join(root, "model");
const weights = {
  unet: "unet/diffusion_pytorch_model.safetensors",
  vae: "vae/diffusion_pytorch_model.safetensors",
  text: "text_encoder/model.safetensors",
};

const clip = {
  attention_dropout: 0.0,
  bos_token_id: 0,
  dropout: 0.0,
  eos_token_id: 2,
  hidden_act: "quick_gelu",
  hidden_size: 768,
  initializer_factor: 1.0,
  initializer_range: 0.02,
  intermediate_size: 3072,
  layer_norm_eps: 1e-5,
  max_position_embeddings: 77,
  model_type: "clip_text_model",
  num_attention_heads: 12,
  num_hidden_layers: 12,
  pad_token_id: 1,
  vocab_size: 49408,
};
const sd15Unet = {
  _class_name: "UNet2DConditionModel",
  _diffusers_version: "0.6.0",
  act_fn: "silu",
  attention_head_dim: 8,
  block_out_channels: [320, 640, 1280, 1280],
  center_input_sample: false,
  cross_attention_dim: 768,
  down_block_types: ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
  downsample_padding: 1,
  flip_sin_to_cos: true,
  freq_shift: 0,
  in_channels: 4,
  layers_per_block: 2,
  mid_block_scale_factor: 1,
  norm_eps: 1e-5,
  norm_num_groups: 32,
  out_channels: 4,
  sample_size: 64,
  up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
};
const sd15Vae = {
  _class_name: "AutoencoderKL",
  _diffusers_version: "0.6.0",
  act_fn: "silu",
  block_out_channels: [128, 256, 512, 512],
  down_block_types: Array(4).fill("DownEncoderBlock2D"),
  in_channels: 3,
  latent_channels: 4,
  layers_per_block: 2,
  norm_num_groups: 32,
  out_channels: 3,
  sample_size: 512,
  up_block_types: Array(4).fill("UpDecoderBlock2D"),
};
const addedToken = (content: string) => ({
  __type: "AddedToken",
  content,
  lstrip: false,
  normalized: true,
  rstrip: false,
  single_word: false,
});
const index = (_class_name: string, scheduler: string) => ({
  _class_name,
  _diffusers_version: "0.6.0",
  feature_extractor: ["transformers", "CLIPImageProcessor"],
  safety_checker: ["stable_diffusion", "StableDiffusionSafetyChecker"],
  scheduler: ["diffusers", scheduler],
  text_encoder: ["transformers", "CLIPTextModel"],
  tokenizer: ["transformers", "CLIPTokenizer"],
  unet: ["diffusers", "UNet2DConditionModel"],
  vae: ["diffusers", "AutoencoderKL"],
});
const tokenizer = {
  add_prefix_space: false,
  bos_token: addedToken("<|startoftext|>"),
  do_lower_case: true,
  eos_token: addedToken("<|endoftext|>"),
  errors: "replace",
  model_max_length: 77,
  name_or_path: "openai/clip-vit-large-patch14",
  pad_token: "<|endoftext|>",
  special_tokens_map_file: "./special_tokens_map.json",
  tokenizer_class: "CLIPTokenizer",
  unk_token: addedToken("<|endoftext|>"),
};

/** runwayml/stable-diffusion-v1-5: diffusers 0.6, transformers 4.22. */
const stableDiffusion: Record<string, unknown> = {
  "model_index.json": index("StableDiffusionPipeline", "PNDMScheduler"),
  "feature_extractor/preprocessor_config.json": { crop_size: 224, do_resize: true },
  "safety_checker/config.json": { _commit_hash: "x", architectures: ["StableDiffusionSafetyChecker"] },
  "scheduler/scheduler_config.json": {
    _class_name: "PNDMScheduler",
    _diffusers_version: "0.6.0",
    beta_end: 0.012,
    beta_schedule: "scaled_linear",
    beta_start: 0.00085,
    num_train_timesteps: 1000,
    set_alpha_to_one: false,
    skip_prk_steps: true,
    steps_offset: 1,
    trained_betas: null,
    clip_sample: false,
  },
  "text_encoder/config.json": {
    _name_or_path: "openai/clip-vit-large-patch14",
    architectures: ["CLIPTextModel"],
    ...clip,
    projection_dim: 768,
    torch_dtype: "float32",
    transformers_version: "4.22.0.dev0",
  },
  "tokenizer/tokenizer_config.json": tokenizer,
  "tokenizer/special_tokens_map.json": { bos_token: addedToken("<|startoftext|>") },
  "tokenizer/vocab.json": {},
  "tokenizer/merges.txt": "",
  "unet/config.json": sd15Unet,
  "vae/config.json": sd15Vae,
};

/** timbrooks/instruct-pix2pix, and alaa-lab/InstructCV after it: diffusers 0.12, eight input channels, no safety files needed. */
const instructPix2Pix: Record<string, unknown> = {
  ...stableDiffusion,
  "model_index.json": {
    ...index("StableDiffusionInstructPix2PixPipeline", "EulerAncestralDiscreteScheduler"),
    requires_safety_checker: true,
  },
  "scheduler/scheduler_config.json": {
    _class_name: "EulerAncestralDiscreteScheduler",
    _diffusers_version: "0.12.0.dev0",
    beta_end: 0.012,
    beta_schedule: "scaled_linear",
    beta_start: 0.00085,
    clip_sample: false,
    num_train_timesteps: 1000,
    prediction_type: "epsilon",
    set_alpha_to_one: false,
    skip_prk_steps: true,
    steps_offset: 1,
    trained_betas: null,
  },
  "unet/config.json": {
    ...sd15Unet,
    _diffusers_version: "0.12.0.dev0",
    _name_or_path: "/scratch/instruct-pix2pix/unet",
    class_embed_type: null,
    dual_cross_attention: false,
    in_channels: 8,
    mid_block_type: "UNetMidBlock2DCrossAttn",
    num_class_embeds: null,
    only_cross_attention: false,
    resnet_time_scale_shift: "default",
    upcast_attention: false,
    use_linear_projection: false,
  },
  "vae/config.json": { ...sd15Vae, _diffusers_version: "0.12.0.dev0", scaling_factor: 0.18215 },
};

async function write(files: Readonly<Record<string, unknown>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(dir, dirname(path)), { recursive: true });
    await writeFile(join(dir, path), typeof content === "string" ? content : JSON.stringify(content));
  }
}
const writeWeights = (path: string, value: number) =>
  writeSafetensors(join(dir, path), new Map([["x", { shape: [1], data: Float32Array.of(value) }]]));

beforeEach(async () => {
  await rm(dir, { recursive: true, force: true });
  await write(instructPix2Pix);
  for (const path of Object.values(weights)) await writeWeights(path, 32);
});
const move = (from: string, to: string) => rename(join(dir, from), join(dir, to));
const half = (path: string) => path.replace(".safetensors", ".fp16.safetensors");

describe("configs of released models", () => {
  test("Stable Diffusion 1.5 as diffusers 0.6 left it", async () => {
    await write(stableDiffusion);
    const { unet, vae, textEncoder, tokenizer, scheduler, defaults } = await readCheckpoint(dir);
    expect(unet.config).toMatchObject({ in_channels: 4, attention_head_dim: 8, use_linear_projection: false });
    expect(vae.config).toMatchObject({ scaling_factor: 0.18215, use_quant_conv: true, mid_block_add_attention: true });
    expect(textEncoder.config).toMatchObject({ hidden_size: 768, hidden_act: "quick_gelu", eos_token_id: 2 });
    expect(tokenizer.config).toMatchObject({
      model_max_length: 77,
      bos_token: "<|startoftext|>",
      pad_token: "<|endoftext|>",
    });
    expect(scheduler).toMatchObject({ _class_name: "PNDMScheduler", steps_offset: 1, beta_schedule: "scaled_linear" });
    expect(defaults).toMatchObject({ resolution: 512, steps: 100, guidance: { text: 7.5, image: 1.5 } });
  });

  test("InstructPix2Pix", async () => {
    const { unet, scheduler, name } = await readCheckpoint(dir);
    expect(unet.config).toMatchObject({ in_channels: 8, out_channels: 4, cross_attention_dim: 768 });
    expect(scheduler).toMatchObject({ _class_name: "EulerAncestralDiscreteScheduler", prediction_type: "epsilon" });
    expect(name).toBe("model");
  });

  test("a text encoder whose config is that of all of CLIP", async () => {
    const whole = {
      model_type: "clip",
      projection_dim: 768,
      text_config: { ...clip, model_type: "" },
      vision_config: {},
    };
    await write({ "text_encoder/config.json": whole });
    expect((await readCheckpoint(dir)).textEncoder.config).toMatchObject({ hidden_size: 768, num_hidden_layers: 12 });
  });

  test("a tokenizer in one file, as transformers 5 writes it", async () => {
    await rm(join(dir, "tokenizer/merges.txt"));
    await expect(readCheckpoint(dir)).rejects.toThrow(/merges.txt: is missing/);
    await rm(join(dir, "tokenizer/vocab.json"));
    await expect(readCheckpoint(dir)).rejects.toThrow(/vocab.json: is missing/);
    await write({ "tokenizer/tokenizer.json": { model: {} } });
    expect((await readCheckpoint(dir)).tokenizer.vocabPath).toBe(join(dir, "tokenizer/tokenizer.json"));
  });

  test("what cannot be honoured is still refused", async () => {
    await write({ "unet/config.json": { ...sd15Unet, time_cond_proj_dim: 256 } });
    await expect(readCheckpoint(dir)).rejects.toThrow(/unet\/config.json: time_cond_proj_dim/);
  });
});

describe("weight files", () => {
  test("half precision where a part has only that, or on request", async () => {
    const first = async (options = {}) => {
      const { unet, vae, textEncoder } = await readCheckpoint(dir, options);
      return [unet, vae, textEncoder].map((part) => part.weights!.read("x")[0]);
    };
    await writeWeights(half(weights.unet), 16);
    await move(weights.text, half(weights.text));
    expect(await first()).toEqual([32, 32, 32]);
    expect(await first({ variant: "fp16" })).toEqual([16, 32, 32]);
    expect((await readCheckpoint(dir)).textEncoder.weights.path).toBe(join(dir, half(weights.text)));
  });

  test("split weights are refused with the way to join them", async () => {
    await rm(join(dir, weights.unet));
    await write({ [`${weights.unet}.index.json`]: { weight_map: {} } });
    await expect(readCheckpoint(dir)).rejects.toThrow(/unet\/.*index.json describes weights split .*max_shard_size/);
  });

  test.each([
    ["text_encoder/pytorch_model.bin", weights.text],
    ["unet/diffusion_pytorch_model.bin", weights.unet],
    ["vae/model.PT", weights.vae],
  ])("%s is never loaded", async (pickle, instead) => {
    await move(instead, pickle);
    const error: Error = await readCheckpoint(dir).then(
      () => expect.fail("read"),
      (e) => e,
    );
    expect(error).toMatchObject({ name: "InstructCvError", code: "checkpoint" });
    expect(error.message).toContain(`${pickle} is a pickle: such a file can run any code when it is loaded`);
    expect(error.message).toMatch(/fp16.*refs\/pr\/1.*model-safetensors/);
    expect(error.message).not.toContain("\n");
  });

  test("a pickle beside safetensors is not looked at", async () => {
    await write({ "unet/diffusion_pytorch_model.bin": "x", "v1-5-pruned.ckpt": "x" });
    expect((await readCheckpoint(dir)).unet.weights.read("x")).toEqual(Float32Array.of(32));
  });

  test("a folder with single files only", async () => {
    for (const name of await readdir(dir)) await rm(join(dir, name), { recursive: true });
    await write({ "v1-5-pruned.ckpt": "x" });
    await expect(readCheckpoint(dir)).rejects.toThrow(/v1-5-pruned.ckpt is a pickle: .*weights_only=True/);
    await write({ "v1-5-pruned.safetensors": "x" });
    await expect(readCheckpoint(dir)).rejects.toThrow(/has no model_index.json, but v1-5-pruned.safetensors/);
  });
});
