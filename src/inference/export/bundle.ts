/** bundle.json: everything that a page, or a program in any language, needs besides the graphs and ONNX Runtime. */
import type { SchedulerConfig } from "../../checkpoints/configs.js";
import type { Mix } from "../../diffusion/prediction.js";
import type { SamplerName } from "../../diffusion/samplers/registry.js";
import type { Size } from "../../image/picture.js";
import type { TaskName } from "../../tasks/task.js";
import type { WeightPrecision, WrittenNetwork } from "./weights.js";

export type NetworkName = "text_encoder" | "unet" | "vae_encoder" | "vae_decoder";

/** An input or output of a graph; shapes are fixed. */
export interface BundleTensor {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
}

export interface BundleNetwork extends WrittenNetwork {
  readonly inputs: readonly BundleTensor[];
  readonly outputs: readonly BundleTensor[];
}

/** An evaluation of `unet`: with the photo's latents or zeros as `image`, with the states of the sentence or of "" as `states`. */
export interface BundleCondition {
  readonly image: boolean;
  readonly text: boolean;
  /** The prediction is the sum of the evaluations times their weights. */
  readonly weight: number;
}

/**
 * One step of DDIM from `sample`, which starts as standard normal noise: prediction = unet(noisy: sample, or zeros if `blank`; timestep);
 * clean = denoised.a * prediction + denoised.b * sample, clamped to [-clip, clip] unless clip is null; epsilon likewise, not clamped; the next
 * sample is next.a * clean + next.b * epsilon. What is left after the last step goes into vae_decoder.
 */
export interface BundleStep {
  readonly timestep: number;
  readonly blank: boolean;
  readonly denoised: Mix;
  readonly epsilon: Mix;
  readonly next: Mix;
}

export interface BundleTask {
  readonly task: TaskName;
  /** The sentence it was trained on; slots are {category}, {a category} (with its article), and the colours {positive} and {negative}. */
  readonly template: string;
  /** What the drawn picture means. */
  readonly answer: string;
}

export interface Bundle {
  readonly format: "instructcv-onnx/1";
  readonly name: string;
  /** Of the program that made it. */
  readonly version: string;
  /** `weights`: "int8" for a quantised denoiser. All compute in float32 otherwise. */
  readonly weights: WeightPrecision | "int8";
  readonly networks: Readonly<Record<NetworkName, BundleNetwork>>;
  /** CLIP's byte-pair encoding: start, tokens of the sentence, end, then `pad` up to `length`; longer sentences are cut before the end. */
  readonly tokenizer: {
    readonly files: readonly string[];
    readonly length: number;
    readonly start: number;
    readonly end: number;
    readonly pad: number;
  };
  /**
   * RGB, [1, 3, height, width], value / 127.5 - 1. `squash`: the whole photo resized to this size; `crop`: the middle of the photo with this
   * aspect, resized. Drawn pictures are in the same range, not clamped.
   */
  readonly picture: Size & { readonly fit: "squash" | "crop" };
  /** Of `sample` and of the photo's latents. */
  readonly latents: Size & { readonly channels: number };
  readonly conditions: readonly BundleCondition[];
  readonly steps: readonly BundleStep[];
  readonly clip: number | null;
  /** What the checkpoint itself names; `steps` are DDIM's whatever it is. */
  readonly sampler: SamplerName;
  readonly scheduler: SchedulerConfig;
  /** The checkpoint recommends to draw the mirrored photo too, mirror that drawing back, and take the mean of both. */
  readonly mirror: boolean;
  /** The checkpoint recommends its tasks' templates whatever the wording of the question. */
  readonly restate: boolean;
  /** Width of drawn box outlines as a share of the box's shorter side; null for 4 pixels. */
  readonly box_outline: number | null;
  /** How the grey of a depth map tells metres. */
  readonly depth_grey: "linear" | "log";
  readonly tasks: readonly BundleTask[];
  /** Seen in training. */
  readonly categories: readonly string[];
}
