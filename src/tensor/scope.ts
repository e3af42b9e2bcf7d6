/** What a model tells an engine about memory: which parts are done, and which may be made again instead of kept. */
import type { Ops, Tensor } from "./tensor.js";

/**
 * Runs `fn`; engines that hold memory release every tensor it made but its result. What backward needs is kept by the
 * engine itself. Around each block of a network this brings peak memory down to that of PyTorch in Python.
 */
export function scoped<T>(ops: Ops, fn: () => T): T {
  return ops.scope ? ops.scope(fn) : fn();
}

/**
 * `scoped`, and with activation checkpointing only the result is kept for backward, which runs `fn` once more.
 *
 * Whatever `fn` captures must still be there then: bind no captured variable anew, and call it in no scope that ends before. What it
 * captures and others use too must be a result of `checkpointed` or `cut` when it depends on trained weights, for each piece of the
 * graph between such tensors is gone through once. (A weight itself may be shared, a merged one not.) `fn` must give the same values again: it
 * may draw no random number.
 */
export function checkpointed(ops: Ops, fn: () => Tensor): Tensor {
  return ops.checkpoint ? ops.checkpoint(fn) : scoped(ops, fn);
}

/** x to be used in several checkpointed functions; take the result in its place from here on. */
export function cut(ops: Ops, x: Tensor): Tensor {
  return ops.cut ? ops.cut(x) : x;
}
