/** Fresh values for a declared parameter, for training from scratch. */
import type { Rng } from "../random.js";
import type { Module, Parameter } from "./module.js";

/** The values of one parameter, row-major, drawn as its `init` says. Same rng state, same bits. */
export function initialValue(parameter: Parameter, rng: Rng): Float32Array {
  const size = parameter.shape.reduce((product, n) => product * n, 1);
  const values = new Float32Array(size);
  const { init } = parameter;
  if (init.kind === "ones") values.fill(1);
  if (init.kind === "normal") for (let i = 0; i < size; i++) values[i] = init.std * rng.normal();
  if (init.kind === "fanIn") {
    const bound = 1 / Math.sqrt(init.fanIn);
    for (let i = 0; i < size; i++) values[i] = (2 * rng.next() - 1) * bound;
  }
  return values;
}

/** Number of trainable values below a module. */
export function countParameters(module: Module): number {
  let count = 0;
  for (const [, { shape }] of module.namedParameters()) count += shape.reduce((product, n) => product * n, 1);
  return count;
}
