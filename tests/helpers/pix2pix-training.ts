/** A tiny text-to-image model and the recipe that tunes it exactly as diffusers' InstructPix2Pix script does. */
import { join } from "node:path";
import { readSafetensors } from "../../src/checkpoints/safetensors.js";
import { createLoader } from "../../src/training/batch.js";
import { parseConfig, type TrainConfig } from "../../src/training/config.js";
import { createSession } from "../../src/training/session.js";
import { runUpdate } from "../../src/training/update.js";
import { inOrder } from "./in-order.js";
import { writeTinyCheckpoint } from "./tiny-checkpoint.js";
import { tinyConfig, tinySize, tinyStore } from "./tiny-training.js";

export const pix2pixUpdates = 20;
/** Whole weights by two targets, and on epsilon an adapter. */
export const pix2pixCases = ["epsilon", "v_prediction", "lora"] as const;
export type Pix2PixCase = (typeof pix2pixCases)[number];
export const pix2pixLora = { rank: 3, alpha: 6, targets: ["to_q", "to_k", "to_v", "to_out.0", "conv_in"] };

const levels = 3;
const vae = {
  _class_name: "AutoencoderKL" as const,
  block_out_channels: Array<number>(levels).fill(8),
  down_block_types: Array<"DownEncoderBlock2D">(levels).fill("DownEncoderBlock2D"),
  up_block_types: Array<"UpDecoderBlock2D">(levels).fill("UpDecoderBlock2D"),
  norm_num_groups: 4,
};
const scheduler = {
  _class_name: "DDPMScheduler",
  num_train_timesteps: 1000,
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: "scaled_linear" as const,
  clip_sample: false,
};

/** KL-f4, so 8 x 8 latents; a UNet of 4 input channels. */
export async function writePix2PixStart(dir: string): Promise<void> {
  const unet = { in_channels: 4, out_channels: 4, block_out_channels: [8, 16], norm_num_groups: 4 };
  await writeTinyCheckpoint(dir, { resolution: tinySize, vae, unet, scheduler });
}

/** The script's defaults (learning rate 1e-4, AdamW on every weight, clip 1, EMAModel), its dropout at 0.1. */
export async function pix2pixConfig(start: string, which: Pix2PixCase): Promise<TrainConfig> {
  const recipe = await tinyConfig();
  const unet = {
    ...recipe.model.unet,
    in_channels: 8,
    out_channels: 4,
    block_out_channels: [8, 16],
    norm_num_groups: 4,
    use_linear_projection: false,
  };
  return parseConfig(
    {
      ...recipe,
      model: {
        ...recipe.model,
        init: start,
        unet,
        vae,
        scheduler: { ...scheduler, prediction_type: which === "v_prediction" ? which : "epsilon" },
        lora: which === "lora" ? pix2pixLora : null,
        text_encoder: { ...recipe.model.text_encoder, max_position_embeddings: 16 },
      },
      loss: {
        terminal_share: 0,
        dropout: { text: 0.1, image: 0.1, both: 0.1 },
        weights: { segmentation: 1, detection: 1, depth: 1, classification: 1 },
      },
      optimizer: {
        lr: 1e-4,
        betas: [0.9, 0.999],
        eps: 1e-8,
        weight_decay: 0.01,
        decayed: "all",
        warmup: 0,
        schedule: "constant",
        clip: 1,
        batch: 4,
        train_text_encoder: false,
        ema: { decay: 0.9999, rule: "diffusers" },
      },
      duration: { steps: pix2pixUpdates },
    },
    "the InstructPix2Pix recipe",
  );
}

/** Largest differences of our run from the oracle's file in `folder`, over all updates and, afterwards, all tensors. */
export async function pix2pixGaps(start: string, which: Pix2PixCase, folder: string) {
  const golden = await readSafetensors(join(folder, `${which}.safetensors`));
  const config = await pix2pixConfig(start, which);
  const store = tinyStore();
  const session = await createSession(config, store);
  const { torch, optimizer } = session;
  const loader = createLoader(store, config, session.tokenizer);
  const updates = await inOrder(Array(pix2pixUpdates).keys(), (i) =>
    runUpdate(session, loader, i + 1, config.optimizer.lr),
  );
  const { slots } = optimizer;
  if (golden.entries.size !== 2 + 2 * slots.length)
    throw new Error(`${golden.path}: ${golden.entries.size} tensors, expected those of ${slots.length} parameters`);
  const ofSlots = (field: "weight" | "average") => {
    const name = (slot: string) => `${field}/${slot.replace("unet.", "")}`;
    return Math.max(...slots.map((slot) => worst(some(torch.read(slot[field])), golden.read(name(slot.name)))));
  };
  return {
    loss: worst(
      updates.map(({ loss }) => loss),
      golden.read("losses"),
    ),
    gradNorm: worst(
      updates.map(({ gradNorm }) => gradNorm),
      golden.read("norms"),
    ),
    weight: ofSlots("weight"),
    average: ofSlots("average"),
  };
}

/** Every n-th value, so that 64 are left or fewer, as the oracle takes them. */
function some(values: Float32Array): Float32Array {
  const stride = Math.ceil(values.length / 64);
  return values.filter((_, i) => i % stride === 0);
}

function worst(got: ArrayLike<number>, want: Float32Array): number {
  if (got.length !== want.length) throw new Error(`${got.length} values, the oracle has ${want.length}`);
  return want.reduce((most, value, i) => Math.max(most, Math.abs(value - got[i]!)), 0);
}
