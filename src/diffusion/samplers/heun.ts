/** Heun's method, a second evaluation corrects each Euler step (Karras et al. 2022, arXiv 2206.00364, algorithm 1; k-diffusion's `sample_heun`). */
import { clamp, levelOfSigma, mix, sampleMix } from "../prediction.js";
import { eulerSteps, startSigma } from "../sigmas.js";
import type { Sampler } from "./sampler.js";

/** 2 * steps - 1 evaluations: the last step is Euler's. Deterministic; `eta` has no part in it. */
export const heun: Sampler = async (schedule, model, initial, { steps, onStep, signal }) => {
  const visited = eulerSteps(schedule, steps);
  const denoise = async (sample: Float32Array, index: number): Promise<Float32Array> => {
    signal?.throwIfAborted();
    const sigma = visited.sigmas[index]!;
    const scaled = sample.map((x) => x / Math.hypot(sigma, 1));
    const output = await model(scaled, visited.timesteps[index]!);
    return clamp(mix(sampleMix(schedule.predictionType, levelOfSigma(sigma)), output, scaled), schedule.clip);
  };

  const start = startSigma(schedule, visited);
  let sample: Float32Array = initial.map((x) => x * start);
  for (const [index, timestep] of visited.timesteps.entries()) {
    const from = visited.sigmas[index]!;
    const to = visited.sigmas[index + 1]!;
    let denoised = await denoise(sample, index);
    const euler = mix({ a: to / from, b: 1 - to / from }, sample, denoised);
    if (index === steps - 1) {
      sample = euler;
    } else {
      const slope = mix({ a: 1 / from, b: -1 / from }, sample, denoised);
      denoised = await denoise(euler, index + 1);
      const slopeThere = mix({ a: 1 / to, b: -1 / to }, euler, denoised);
      sample = sample.map((x, i) => x + ((slope[i]! + slopeThere[i]!) / 2) * (to - from));
    }
    await onStep?.({ step: index + 1, steps, timestep, sample, denoised });
  }
  return sample;
};
