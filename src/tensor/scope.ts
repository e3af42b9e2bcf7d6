/** Lets an engine free what a part of a model made on the way, as soon as the part is done. */
import type { Ops } from "./tensor.js";

/**
 * Runs `fn`; engines that hold memory release every tensor it made but its result. What backward needs is kept by the
 * engine itself. Around each block of a network this brings peak memory down to that of PyTorch in Python.
 */
export function scoped<T>(ops: Ops, fn: () => T): T {
  return ops.scope ? ops.scope(fn) : fn();
}
