/** Pseudo linear multistep (Liu et al. 2022, arXiv 2202.09778, equations 9 and 12), Stable Diffusion's first sampler. */
import { epsilonMix, levelOf, mix, noiseLevel, sampleMix } from "../prediction.js";
import { timesteps } from "../schedule.js";
import type { Sampler } from "./sampler.js";

/** Adams-Bashforth weights of the outputs, newest first, by how many there are. */
const weights = [[1], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24]] as const;

/**
 * PNDM without its Runge-Kutta start; the first step is evaluated again where it leads and taken with the mean of both:
 * steps + 1 evaluations, or 1 for a single step. Deterministic; `eta` has no part in it.
 */
export const plms: Sampler = async (schedule, model, initial, { steps, onStep, signal }) => {
  const visited = timesteps(schedule, steps);
  const stride = Math.floor(schedule.length / steps);
  let outputs: Float32Array[] = [];
  const evaluate = async (sample: Float32Array, timestep: number): Promise<Float32Array> => {
    signal?.throwIfAborted();
    return model(sample, timestep);
  };
  /** DDIM's step from `timestep` to `to`, with an output that may stand for several evaluations. */
  const move = (sample: Float32Array, output: Float32Array, timestep: number, to: number) => {
    const level = noiseLevel(schedule, timestep);
    const target = to < 0 ? levelOf(schedule.finalAlphaCumprod) : noiseLevel(schedule, to);
    const denoised = mix(sampleMix(schedule.predictionType, level), output, sample);
    const epsilon = mix(epsilonMix(schedule.predictionType, level), output, sample);
    return { denoised, sample: mix({ a: target.signal, b: target.noise }, denoised, epsilon) };
  };

  let sample = initial;
  for (const [index, timestep] of visited.entries()) {
    const output = await evaluate(sample, timestep);
    outputs = [output, ...outputs].slice(0, weights.length);
    let moved = move(sample, combine(outputs, weights[outputs.length - 1]!), timestep, timestep - stride);
    const next = visited[1];
    if (index === 0 && next !== undefined) {
      const again = await evaluate(moved.sample, next);
      moved = move(sample, combine([output, again], [1 / 2, 1 / 2]), next + stride, next);
    }
    sample = moved.sample;
    await onStep?.({ step: index + 1, steps, timestep, sample, denoised: moved.denoised });
  }
  return sample;
};

function combine(outputs: readonly Float32Array[], factors: readonly number[]): Float32Array {
  return outputs[0]!.map((_, i) => outputs.reduce((sum, output, k) => sum + factors[k]! * output[i]!, 0));
}
