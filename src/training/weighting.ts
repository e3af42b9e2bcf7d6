/** How much each pixel and each timestep counts in the squared error of a prediction. */
import type { Schedule } from "../diffusion/schedule.js";
import { SpaceToDepth } from "../models/space-to-depth.js";
import type { Ops, Tensor } from "../tensor/tensor.js";
import type { Batch } from "./batch.js";
import { type EncodedBatch, isEncoded } from "./encoded/batch.js";
import type { Models } from "./models.js";

/** Squared error with pixel weights: of the pixels where the latents are a linear image of them, else of the latents. */
export function weightedSquares(ops: Ops, models: Models, batch: Batch | EncodedBatch, error: Tensor): Tensor {
  const { vae, codec } = models;
  const B = batch.tasks.length;
  const S = batch.size;
  if (isEncoded(batch)) {
    const side = S / codec.factor;
    return ops.mul(ops.mul(error, error), ops.constant(batch.latentWeights, [B, 1, side, side]));
  }
  if (vae instanceof SpaceToDepth) {
    const pixels = vae.decode(ops, error);
    return ops.mul(ops.mul(pixels, pixels), ops.constant(batch.pixelWeights, [B, 1, S, S]));
  }
  return ops.mul(ops.mul(error, error), latentWeights(ops, batch, codec.factor));
}

/** [B, 1, h, w]: the mean weight of the pixels of each latent position. */
export function latentWeights(ops: Ops, batch: Batch, factor: number): Tensor {
  const B = batch.tasks.length;
  const [h, f] = [batch.size / factor, factor];
  const blocks = ops.constant(batch.pixelWeights, [B, 1, h, f, h, f]);
  return ops.reshape(ops.mean(blocks, [3, 5]), [B, 1, h, h]);
}

/** Min-SNR weight of one timestep for the schedule's prediction type (arXiv 2303.09556, section 3.4); 1 without gamma. */
export function snrWeight(schedule: Schedule, timestep: number, gamma: number | null): number {
  if (gamma === null) return 1;
  const alpha = schedule.alphasCumprod[timestep]!;
  const snr = alpha / (1 - alpha);
  const clamped = Math.min(snr, gamma);
  if (schedule.predictionType === "sample") return clamped;
  return schedule.predictionType === "epsilon" ? clamped / snr : clamped / (snr + 1);
}
