/** AdamW over a model's leaves with clipping, and the moving average of the weights: what changes at the end of a step. */

import type { Tensor } from "../tensor/tensor.js";
import type { Torch } from "../tensor/torch/index.js";
import { adamwStep, clipGradNorm, emaUpdate } from "../tensor/torch/optim.js";
import type { TrainConfig } from "./config.js";

/** Weights, moments and average of one trained tensor; all float32 of one shape, all kept. */
export interface Slot {
  readonly name: string;
  readonly weight: Tensor;
  readonly first: Tensor;
  readonly second: Tensor;
  readonly average: Tensor;
}

export interface Optimizer {
  readonly slots: readonly Slot[];
  /**
   * Clips, updates, averages and drops the gradients. `update` counts from 1. Returns the global gradient norm before
   * clipping.
   */
  step(update: number, lr: number): number;
}

/** Biases, norms and embeddings are not pulled towards zero. */
export function decays(name: string, shape: readonly number[]): boolean {
  return shape.length > 1 && !/(^|\.)(token|position)_embedding\.weight$/.test(name);
}

/** Decay of the average after `update` updates: young averages forget faster, so that the initial weights do not linger. */
export function emaDecay(limit: number, update: number): number {
  return Math.min(limit, (1 + update) / (10 + update));
}

export function createOptimizer(torch: Torch, slots: readonly Slot[], options: TrainConfig["optimizer"]): Optimizer {
  const groups = [true, false].map((decay) => {
    const members = slots.filter((slot) => decays(slot.name, slot.weight.shape) === decay);
    return { members, weightDecay: decay ? options.weight_decay : 0 };
  });
  return {
    slots,
    step: (update, lr) =>
      torch.tidy(() => {
        const weights = slots.map((slot) => slot.weight);
        const grads = new Map(slots.map((slot) => [slot, torch.grad(slot.weight)]));
        const reached = slots.filter((slot) => grads.get(slot) !== null);
        const gradsOf = (members: readonly Slot[]) => members.map((slot) => grads.get(slot)!);
        const norm = clipGradNorm(torch, gradsOf(reached), options.clip ?? Number.POSITIVE_INFINITY);
        for (const { members, weightDecay } of groups) {
          const active = members.filter((slot) => reached.includes(slot));
          const { betas, eps } = options;
          adamwStep(
            torch,
            active.map((slot) => slot.weight),
            gradsOf(active),
            active.map((slot) => slot.first),
            active.map((slot) => slot.second),
            update,
            { lr, betas, eps, weightDecay },
          );
        }
        emaUpdate(
          torch,
          slots.map((slot) => slot.average),
          weights,
          emaDecay(options.ema.decay, update),
        );
        torch.zeroGrad(weights);
        return norm;
      }),
  };
}
