/** The random tensors of one step: drawn in a fixed order from the engine's generator, so that they replay from its seed. */
import { SpaceToDepth } from "../models/space-to-depth.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Torch } from "../tensor/torch/index.js";
import type { TrainConfig } from "./config.js";
import type { Models } from "./models.js";

export interface StepNoise {
  /** [B, Z, h, w]: mixed into the target latents, and what an epsilon prediction has to find. Standard normal but for its offset. */
  readonly latents: Tensor;
  /** [B, Z, h, w], standard normal: which sample of the target's posterior is learned; null for its mode. */
  readonly posterior: Tensor | null;
  /** [B, Z, h, w]: added to the noise that the network sees and not to the one it has to find; null for none. */
  readonly perturbation: Tensor | null;
}

/**
 * For latents of `shape` [B, Z, h, w]. The offset is one number for each sample and channel, times `offset_noise`
 * (https://www.crosslabs.org/blog/diffusion-with-offset-noise), the perturbation is normal, times `input_perturbation` (arXiv 2301.11706).
 */
export function drawNoise(
  torch: Torch,
  { vae }: Models,
  { target_latents, offset_noise, input_perturbation }: TrainConfig["loss"],
  shape: readonly [number, number, number, number],
): StepNoise {
  const { ops } = torch;
  const latents = torch.randn(shape);
  const sampled = target_latents === "sample" && !(vae instanceof SpaceToDepth);
  const posterior = sampled ? torch.randn(shape) : null;
  const [B, Z] = shape;
  const shifted = offset_noise > 0 ? ops.add(latents, ops.mul(torch.randn([B, Z, 1, 1]), offset_noise)) : latents;
  const perturbation = input_perturbation > 0 ? ops.mul(torch.randn(shape), input_perturbation) : null;
  return { latents: shifted, posterior, perturbation };
}
