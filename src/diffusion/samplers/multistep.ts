/** What DPM-Solver++ and UniPC share: the exact solution of the diffusion ODE for a data prediction held still. */
import { levelOfSigma, mix } from "../prediction.js";

/** From sigma `from` to sigma `to` with the clean sample taken as `data` (DPM-Solver++, equation 9). Scale: variance about 1. */
export function advance(from: number, to: number, sample: Float32Array, data: Float32Array): Float32Array {
  const target = levelOfSigma(to);
  return mix({ a: target.noise / levelOfSigma(from).noise, b: target.signal * (1 - to / from) }, sample, data);
}

/**
 * The data prediction half a step on, by a line through the last two (DPM-Solver++, algorithm 2 with r_i there `ratio`):
 * the length of the step before over that of this one, both in log SNR.
 */
export function extrapolate(data: Float32Array, before: Float32Array, ratio: number): Float32Array {
  return mix({ a: 1 + 1 / (2 * ratio), b: -1 / (2 * ratio) }, data, before);
}

/** Length of a step in half log SNR. */
export function stepLength(from: number, to: number): number {
  return Math.log(from / to);
}
