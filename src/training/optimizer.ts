/** AdamW over a model's leaves with clipping, and the moving average of the weights: what changes at the end of a step. */

import type { Tensor } from "../tensor/tensor.js";
import type { Torch } from "../tensor/torch/index.js";
import { adamwStep, clipGradNorm, emaUpdate, scaleInPlace } from "../tensor/torch/optim.js";
import type { TrainConfig } from "./config.js";
import type { LossScale } from "./loss-scale.js";

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
  /** Null where the compute precision needs none. */
  readonly lossScale: LossScale | null;
  /** The loss as backward wants it. */
  scaled(loss: Tensor): Tensor;
  /**
   * Takes the loss scale out of the gradients, clips, updates, averages and drops them. `update` counts from 1. Returns the global
   * gradient norm before clipping; when that is no number, the gradients were dropped and nothing but the loss scale has changed.
   */
  step(update: number, lr: number): number;
  /** Drops the gradients: nothing else changes. */
  skip(): void;
}

/** A trained leaf that starts as its own average, with zero moments. */
export function createSlot(torch: Torch, name: string, data: Float32Array, shape: readonly number[]): Slot {
  const zeros = new Float32Array(data.length);
  return {
    name,
    weight: torch.tensor(data, shape, { requiresGrad: true }),
    first: torch.tensor(zeros, shape),
    second: torch.tensor(zeros, shape),
    average: torch.tensor(data, shape),
  };
}

/** Biases, norms and embeddings are not pulled towards zero. */
export function decays(name: string, shape: readonly number[]): boolean {
  return shape.length > 1 && !/(^|\.)(token|position)_embedding\.weight$/.test(name);
}

/** Decay of the average at update `update` (from 1): young averages forget faster, so that the initial weights do not linger. */
export function emaDecay({ decay, rule }: TrainConfig["optimizer"]["ema"], update: number): number {
  const count = rule === "tensorflow" ? update : update - 1;
  return count === 0 ? 0 : Math.min(decay, (1 + count) / (10 + count));
}

export function createOptimizer(
  torch: Torch,
  slots: readonly Slot[],
  options: TrainConfig["optimizer"],
  lossScale: LossScale | null = null,
): Optimizer {
  const { betas, eps } = options;
  const all = options.decayed === "all";
  const weights = slots.map((slot) => slot.weight);
  const averages = slots.map((slot) => slot.average);
  return {
    slots,
    lossScale,
    scaled: (loss) => (lossScale ? torch.ops.mul(loss, lossScale.state.scale) : loss),
    step: (update, lr) =>
      torch.tidy(() => {
        const reached = slots.flatMap((slot) => {
          const grad = torch.grad(slot.weight);
          return grad === null ? [] : [{ ...slot, grad, decay: all || decays(slot.name, slot.weight.shape) }];
        });
        const grads = reached.map((slot) => slot.grad);
        if (lossScale) scaleInPlace(torch, grads, 1 / lossScale.state.scale);
        const norm = clipGradNorm(torch, grads, options.clip ?? Number.POSITIVE_INFINITY);
        lossScale?.update(Number.isFinite(norm));
        if (!Number.isFinite(norm)) {
          torch.zeroGrad(weights);
          return norm;
        }
        for (const decay of [true, false]) {
          const group = reached.filter((slot) => slot.decay === decay);
          if (group.length === 0) continue;
          const of = (field: "weight" | "grad" | "first" | "second") => group.map((slot) => slot[field]);
          const weightDecay = decay ? options.weight_decay : 0;
          const hyper = { lr, betas, eps, weightDecay };
          adamwStep(torch, of("weight"), of("grad"), of("first"), of("second"), update, hyper);
        }
        emaUpdate(torch, averages, weights, emaDecay(options.ema, update));
        torch.zeroGrad(weights);
        return norm;
      }),
    skip: () => torch.zeroGrad(weights),
  };
}
