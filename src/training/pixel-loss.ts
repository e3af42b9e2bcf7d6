/** Task losses of drawn answers, in pixels: what end-to-end fine-tuning of a one-step model minimises (arXiv 2409.11355). */
import type { TaskName } from "../tasks/task.js";
import type { Ops, Tensor } from "../tensor/tensor.js";
import type { Batch } from "./batch.js";

/** Below this likelihood a mask's loss goes on as a straight line, so that a wrong pixel out of range is still pulled back. */
const floor = 0.01;

/**
 * Of pixel values p and their targets t, both as shares of the range, black 0 and white 1. What p may be is not bounded: a network's
 * drawing is clipped to 0..1 only when it is read.
 *
 * - segmentation: binary cross entropy in nats, whose best answer is the probability of the category.
 * - depth: |p - t|, a tenth of the error in metres; the drawn scale is absolute, so none is fitted.
 * - detection: |p - t|; the batch's pixel weights stress the outlines.
 * - classification: (p - t)^2, the squared distance to the colour.
 */
const losses: Readonly<Record<TaskName, (ops: Ops, p: Tensor, t: Tensor) => Tensor>> = {
  segmentation: (ops, p, t) => {
    const white = ops.mul(t, surprise(ops, p));
    return ops.add(white, ops.mul(inverse(ops, t), surprise(ops, inverse(ops, p))));
  },
  depth: distance,
  detection: distance,
  classification: (ops, p, t) => {
    const error = ops.sub(p, t);
    return ops.mul(error, error);
  },
};

/**
 * The loss of each sample, [B] float32: the mean over colours and all pixels of the task's loss times the pixel's weight. `drawn` is
 * [B, 3, S, S] in -1..1, as the batch's target.
 */
export function pixelLosses(ops: Ops, batch: Batch, drawn: Tensor): Tensor {
  const { tasks, size: S } = batch;
  const B = tasks.length;
  const toShares = (x: Tensor) => ops.mul(ops.add(x, 1), 0.5);
  const p = toShares(ops.cast(drawn, "float32"));
  const t = toShares(ops.constant(batch.target, [B, 3, S, S]));
  const terms = [...new Set(tasks)].map((task) => {
    const rows = Float32Array.from(tasks, (one) => Number(one === task));
    return ops.mul(losses[task](ops, p, t), ops.constant(rows, [B, 1, 1, 1]));
  });
  const all = terms.reduce((sum, term) => ops.add(sum, term));
  return ops.mean(ops.mul(all, ops.constant(batch.pixelWeights, [B, 1, S, S])), [1, 2, 3]);
}

/** -log x between the floor and 1, its tangent below, 0 above. */
function surprise(ops: Ops, x: Tensor): Tensor {
  const missing = ops.relu(ops.add(ops.neg(x), floor));
  const atMostOne = ops.sub(x, ops.relu(ops.sub(x, 1)));
  return ops.add(ops.neg(ops.log(ops.add(atMostOne, missing))), ops.mul(missing, 1 / floor));
}

function inverse(ops: Ops, x: Tensor): Tensor {
  return ops.add(ops.neg(x), 1);
}

function distance(ops: Ops, p: Tensor, t: Tensor): Tensor {
  const error = ops.sub(p, t);
  return ops.add(ops.relu(error), ops.relu(ops.neg(error)));
}
