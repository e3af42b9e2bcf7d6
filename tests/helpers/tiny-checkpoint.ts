/** A checkpoint with random weights, written by the real code, small enough for tests. */

import { textEncoderConfigSchema, unetConfigSchema, vaeConfigSchema } from "../../src/checkpoints/configs.js";
import type { FloatType } from "../../src/checkpoints/float16.js";
import { type CheckpointContents, writeCheckpoint } from "../../src/checkpoints/folder.js";
import { AutoencoderKL } from "../../src/models/autoencoder.js";
import { trainBpe } from "../../src/models/bpe-trainer.js";
import { CLIPTextModel } from "../../src/models/clip-text.js";
import { initialValue } from "../../src/models/initial-value.js";
import type { Module } from "../../src/models/module.js";
import { UNet2DConditionModel } from "../../src/models/unet.js";
import { createRng } from "../../src/random.js";

export interface TinyOptions {
  /** @default 16 */
  resolution?: number;
  unet?: CheckpointContents["unet"]["config"];
  vae?: CheckpointContents["vae"]["config"];
  textEncoder?: CheckpointContents["textEncoder"]["config"];
  scheduler?: CheckpointContents["scheduler"];
  defaults?: Partial<CheckpointContents["defaults"]>;
  dtype?: FloatType;
  /** @default one of 560 tokens, trained on a few words */
  vocabulary?: Vocabulary;
}

type Vocabulary = Pick<CheckpointContents["tokenizer"], "vocab" | "merges">;

const words = ["Segment the cat", "Detect the dog", "Estimate the depth of this image", "Show red if there is a pug"];

/** A KL autoencoder of 2^(levels - 1) pixels a latent position, with the UNet channels that go with it. */
export function tinyAutoencoder(levels: number): Pick<TinyOptions, "vae" | "unet"> {
  return {
    vae: {
      _class_name: "AutoencoderKL",
      block_out_channels: Array<number>(levels).fill(8),
      down_block_types: Array<"DownEncoderBlock2D">(levels).fill("DownEncoderBlock2D"),
      up_block_types: Array<"UpDecoderBlock2D">(levels).fill("UpDecoderBlock2D"),
      norm_num_groups: 4,
    },
    unet: { in_channels: 8, out_channels: 4 },
  };
}

function trained(): Vocabulary {
  const { vocab, merges } = trainBpe(words, 560);
  return { vocab, merges: merges.map((pair) => pair.join(" ")) };
}

/** Two levels, two heads, 1-step sample prediction with zero terminal SNR on a space-to-depth of factor 4. */
export async function writeTinyCheckpoint(dir: string, options: TinyOptions = {}): Promise<void> {
  const { resolution = 16, dtype = "F32" } = options;
  const vae = vaeConfigSchema.parse(options.vae ?? { _class_name: "SpaceToDepth", factor: 4 });
  const latents = vae._class_name === "SpaceToDepth" ? 3 * vae.factor ** 2 : vae.latent_channels;
  const { vocab, merges } = options.vocabulary ?? trained();
  const textEncoder = textEncoderConfigSchema.parse({
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    max_position_embeddings: 16,
    ...options.textEncoder,
    vocab_size: Object.keys(vocab).length,
  });
  const unet = unetConfigSchema.parse({
    in_channels: 2 * latents,
    out_channels: latents,
    block_out_channels: [16, 32],
    down_block_types: ["DownBlock2D", "CrossAttnDownBlock2D"],
    up_block_types: ["CrossAttnUpBlock2D", "UpBlock2D"],
    layers_per_block: 1,
    attention_head_dim: 2,
    cross_attention_dim: textEncoder.hidden_size,
    norm_num_groups: 8,
    ...options.unet,
  });
  const tensors = (module: Module) =>
    new Map(
      Array.from(module.namedParameters(), ([name, parameter]) => {
        const data = initialValue(parameter, createRng(name));
        return [name, { shape: parameter.shape, data, dtype }] as const;
      }),
    );
  await writeCheckpoint(dir, {
    unet: { config: unet, tensors: tensors(new UNet2DConditionModel(unet)) },
    textEncoder: { config: textEncoder, tensors: tensors(new CLIPTextModel(textEncoder)) },
    vae: { config: vae, ...(vae._class_name === "AutoencoderKL" && { tensors: tensors(new AutoencoderKL(vae)) }) },
    tokenizer: {
      config: { model_max_length: textEncoder.max_position_embeddings },
      vocab,
      merges,
    },
    scheduler: options.scheduler ?? {
      _class_name: "DDIMScheduler",
      beta_start: 0.00085,
      beta_end: 0.012,
      beta_schedule: "scaled_linear",
      prediction_type: "sample",
      rescale_betas_zero_snr: true,
      timestep_spacing: "trailing",
      clip_sample: false,
    },
    defaults: { resolution, steps: 1, guidance: { text: 1, image: 1 }, ...options.defaults },
  });
}
