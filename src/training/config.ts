/** The training recipe: one zod schema over a YAML file; an unknown key is an error, the resolved recipe is saved with the run. */
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import type { TaskName } from "../tasks/task.js";
import { readYaml } from "../yaml.js";
import { completeFromStart } from "./from-start.js";
import { modelSchema } from "./model-config.js";
import type { FetchOptions } from "./start-model.js";

const share = z.number().min(0).max(1);
const positive = z.number().positive();
const natural = z.int().min(0);
const range = z.tuple([positive, positive]).refine(([low, high]) => low <= high, "low end first");

const perTask = <T extends z.ZodType>(value: T) =>
  z.strictObject({ segmentation: value, detection: value, depth: value, classification: value } satisfies Record<
    TaskName,
    T
  >);

/** `scale`: share of the area kept by the crop; `aspect`: width / height of the crop in the squashed frame. */
const crop = z.strictObject({ scale: range, aspect: range }).nullable();

const data = z.strictObject({
  corpus: z.string(),
  /** A folder of `instructcv data encode`: the training split as latents and text states, so that a step runs the UNet alone. */
  encoded: z.string().nullable().default(null),
  train_split: z.string().default("train"),
  val_split: z.string().default("val"),
  /**
   * Decoded pictures that a process may hold, MiB. A training split that takes more is decoded as it is drawn (docs/training.md). Null is
   * half of the memory that is free at the start, shared by the processes of this machine.
   */
  memory_mb: positive.nullable().default(null),
  /** Threads that make batches ahead of the updates; 0 makes them in between. Null is 0 on a CPU, 2 beside a GPU. */
  workers: natural.nullable().default(null),
  /** How often each task is drawn, relative. */
  weights: perTask(z.number().min(0)),
  /** Share of samples whose category is known to be absent. Depth has none. */
  negatives: z.strictObject({ segmentation: share, detection: share, classification: share }),
  /** 0 draws records uniformly, 1 draws categories uniformly. */
  category_balance: share.default(0.5),
  /** Share of all samples that come from a dataset of the corpus, by its name there (`{ mine: 0.4 }`); the others share what is left. */
  dataset_shares: z
    .record(z.string(), share)
    .refine((shares) => Object.values(shares).reduce((sum, one) => sum + one, 0) <= 1, "the shares exceed 1 together")
    .default({}),
  /** Share of instructions that use the task's template; the others are drawn from the training paraphrases. */
  template_share: share.default(0.25),
  /** Share of a paraphrase's words that are left out or have an everyday word put before them; what it asks stays. */
  word_noise: share.default(0),
  /** Share of samples that show a second photo beside the first (pairs.ts); not for depth. */
  pairs: share.default(0),
  /** Classification: draw a fresh pair of colours for each sample instead of the recorded one. */
  redraw_colours: z.boolean().default(true),
  flip: share.default(0.5),
  crop: perTask(crop),
  /** A depth crop that magnifies by m shows the scene m times nearer: divide the metres by m. */
  depth_zoom: z.boolean().default(true),
  /** Largest relative change of each, on the input photo only. */
  jitter: z
    .strictObject({ brightness: share, contrast: share, saturation: share })
    .default({ brightness: 0, contrast: 0, saturation: 0 }),
});

const loss = z.strictObject({
  /**
   * `latents`: squared error of what the scheduler's prediction_type predicts. `pixels`: end-to-end fine-tuning of a model that answers
   * in one step (arXiv 2409.11355): its answer from the last timestep is decoded by the frozen vae, and each task has a loss of its own -
   * masks binary cross entropy, depth L1 in shares of 10 m, detection L1 with `detection_pixels`, classification L2 to the colour
   * (pixel-loss.ts).
   */
  space: z.enum(["latents", "pixels"]).default("latents"),
  /** Share of samples exactly at the last timestep, where the input is pure noise under zero terminal SNR. */
  terminal_share: share,
  /**
   * The other timesteps are drawn with a density proportional to (t / T)^this: early steps of sampling, where t is large, decide most of
   * an answer (arXiv 2504.11457, which measures the share of each step; this is a power law in its place). 0 is uniform.
   */
  early_timesteps: z.number().min(0).default(0),
  /** An AutoencoderKL's target: drawn from the posterior, as in diffusers' InstructPix2Pix script, or its mode. */
  target_latents: z.enum(["sample", "mode"]).default("sample"),
  /** Added to the noise of each sample and channel: a normal number times this. 0.1 lets a model change a picture's mean grey. */
  offset_noise: z.number().min(0).default(0),
  /** Normal noise times this on the noisy latents alone, so that they resemble those of a sampler that has drifted. */
  input_perturbation: z.number().min(0).default(0),
  /** InstructPix2Pix conditioning dropout: text only, image only, both. */
  dropout: z.strictObject({ text: share, image: share, both: share }).default({ text: 0, image: 0, both: 0 }),
  /** Min-SNR clamp (arXiv 2303.09556); null is plain mean squared error. */
  min_snr_gamma: positive.nullable().default(null),
  weights: perTask(z.number().min(0)),
  /** Weights of the training-only heads (auxiliary.ts): what the sentence asks, what the photo shows. 0 leaves them out. */
  auxiliary: z
    .strictObject({
      sentence: z.number().min(0),
      presence: z.number().min(0),
      extent: z.number().min(0).default(0),
      /** Whether a photo shows what its sentence asks for; 0 leaves the photos without a sentence. */
      asked: z.number().min(0).default(0),
      /** Photos in each update for the presence, extent and asked heads. */
      photos: natural,
    })
    .default({ sentence: 0, presence: 0, extent: 0, asked: 0, photos: 0 }),
  /** Detection, per pixel: where the target differs from the photo, where it copies it. */
  detection_pixels: z.strictObject({ outline: positive, copy: positive }).default({ outline: 1, copy: 1 }),
});

const optimizer = z.strictObject({
  lr: positive,
  betas: z.tuple([share, share]).default([0.9, 0.99]),
  eps: positive.default(1e-8),
  weight_decay: z.number().min(0).default(0.01),
  /** `matrices`: not on biases, norms and embeddings; `all` is what diffusers' scripts do. */
  decayed: z.enum(["matrices", "all"]).default("matrices"),
  /** Share of the run. */
  warmup: share.default(0.02),
  schedule: z.enum(["cosine", "constant"]).default("cosine"),
  /** Where the cosine ends, relative to lr. */
  final_share: share.default(0.01),
  /** Largest global gradient norm; null leaves gradients alone. */
  clip: positive.nullable().default(1),
  batch: z.int().min(1),
  /** Batches summed before each optimizer step. */
  accumulate: z.int().min(1).default(1),
  /** Most updates in a row that may be left out because their loss or gradient norm is no number; one more stops the run. */
  max_skips: natural.default(10),
  /**
   * With compute.dtype float16: the loss is magnified, by `init` at first, `growth` times more after `interval` good updates, `backoff`
   * times after one whose gradient is no number (torch.amp.GradScaler). Such an update counts among max_skips only when the loss was
   * not magnified any more.
   */
  loss_scale: z
    .strictObject({
      init: positive,
      growth: z.number().min(1),
      backoff: z.number().gt(0).lt(1),
      interval: z.int().min(1),
    })
    .default({ init: 65536, growth: 2, backoff: 0.5, interval: 2000 }),
  train_text_encoder: z.boolean(),
  /**
   * decay is reached gradually: after n updates it is min(decay, (1 + n) / (10 + n)); by the rule of diffusers' EMAModel, which counts one
   * less and starts with a copy, 0 and then min(decay, n / (9 + n)).
   */
  ema: z
    .strictObject({ decay: share, rule: z.enum(["tensorflow", "diffusers"]).default("tensorflow") })
    .default({ decay: 0.999, rule: "tensorflow" }),
});

export const trainConfigSchema = z
  .strictObject({
    name: z.string().min(1),
    seed: natural,
    model: modelSchema,
    data,
    loss,
    optimizer,
    /** `steps` is bit-reproducible and resumes exactly; `minutes` follows the clock (for a fixed budget), so it is not. */
    duration: z.union([z.strictObject({ steps: z.int().min(1) }), z.strictObject({ minutes: positive })]),
    compute: z.strictObject({
      /** Of convolutions and matrix products; weights are float32. float16 scales the loss (optimizer.loss_scale). */
      dtype: z.enum(["float32", "bfloat16", "float16"]),
      threads: z.int().min(1).nullable().default(null),
      /** Where tensors live: cpu, or cuda with a libtorch that has it. */
      device: z
        .string()
        .regex(/^(cpu|cuda(:\d+)?)$/, "expected cpu, cuda or cuda:N")
        .default("cpu"),
      /** Keeps kernels and pictures as [B, H, W, C] in memory: the same numbers but for rounding, at another speed (docs/training.md). */
      channels_last: z.boolean().default(false),
      /** Keeps of each block of the UNet its result only and makes it again in backward: less memory, a forward pass more. */
      activation_checkpointing: z.boolean().default(false),
    }),
    output: z.strictObject({
      /** A checkpoint is written when so much time or so many steps have gone by, whichever comes first; null for neither. */
      checkpoint_minutes: positive.nullable().default(5),
      checkpoint_steps: z.int().min(1).nullable().default(null),
      /** Steps between lines of metrics.jsonl. */
      log_every: z.int().min(1).default(20),
      /** Steps between validation losses and sample grids; null for none. */
      sample_every: z.int().min(1).nullable().default(500),
      /** Validation records in the loss, drawn once. */
      val_records: natural.default(64),
      weights: z.enum(["float32", "float16"]).default("float32"),
      /** Of the model, for its card: an identifier as the Hugging Face hub writes it. Null says "other". */
      license: z
        .string()
        .regex(/^[a-z0-9.+-]+$/, "expected an identifier such as mit or apache-2.0")
        .nullable()
        .default(null),
    }),
  })
  .superRefine((config, context) => {
    const { dropout, min_snr_gamma, terminal_share, space } = config.loss;
    if (space === "pixels" && (terminal_share < 1 || min_snr_gamma !== null)) {
      context.addIssue({
        code: "custom",
        path: ["loss", "space"],
        message: "pixels trains the one step from the last timestep: set terminal_share to 1 and min_snr_gamma to null",
      });
    }
    if (dropout.text + dropout.image + dropout.both > 1) {
      context.addIssue({ code: "custom", path: ["loss", "dropout"], message: "the three shares exceed 1 together" });
    }
    const { sentence, presence, extent, asked, photos } = config.loss.auxiliary;
    if (presence + extent + asked > 0 !== photos > 0) {
      context.addIssue({
        code: "custom",
        path: ["loss", "auxiliary"],
        message: "photos go with presence, extent or asked",
      });
    }
    if (sentence + photos > 0 && config.model.unet.addition_embed_type !== "text") {
      context.addIssue({
        code: "custom",
        path: ["loss", "auxiliary"],
        message: "the heads read the sentence's vector: set model.unet.addition_embed_type to text",
      });
    }
    if (config.model.lora && (config.model.init === null || config.optimizer.train_text_encoder)) {
      context.addIssue({
        code: "custom",
        path: ["model", "lora"],
        message: "changes the UNet of a model alone: set model.init, and optimizer.train_text_encoder to false",
      });
    }
    const zeroTerminal = config.model.scheduler.rescale_betas_zero_snr === true;
    if (zeroTerminal && config.model.scheduler.prediction_type === "epsilon") {
      context.addIssue({
        code: "custom",
        path: ["model", "scheduler"],
        message: "zero terminal SNR cannot be learned with epsilon prediction: use sample or v_prediction",
      });
    }
    if (zeroTerminal && terminal_share > 0 && min_snr_gamma && config.model.scheduler.prediction_type === "sample") {
      context.addIssue({
        code: "custom",
        path: ["loss", "min_snr_gamma"],
        message: "min-SNR gives sample prediction the weight 0 at zero SNR: set it to null or terminal_share to 0",
      });
    }
  });

export type TrainConfig = z.infer<typeof trainConfigSchema>;

/** Checks a plain object; `source` names it in the error. Throws InstructCvError("config") with every problem in one line. */
export function parseConfig(value: unknown, source: string): TrainConfig {
  const parsed = trainConfigSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".") || "(top)"}: ${issue.message}`);
  throw new InstructCvError("config", `${source}: ${problems.join("; ")}.`, "Compare with configs/nano.yaml.");
}

/**
 * Reads a YAML recipe; `extends: other.yaml` starts from another one beside it and replaces single keys. Throws
 * InstructCvError("config") for a missing file, bad YAML or a value out of range. `options`: of the download, when a recipe that leaves
 * out networks starts from a model on the hub.
 */
export async function readConfig(path: string, options: FetchOptions = {}): Promise<TrainConfig> {
  // Two mappings are one of several forms, which must not mix.
  const recipe = await readYaml(path, {
    cure: "Give a training recipe such as configs/nano.yaml.",
    whole: ["duration", "vae"],
  });
  return parseConfig(await completeFromStart(recipe, options), path);
}
