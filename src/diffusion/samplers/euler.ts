/** Euler steps with ancestral noise (Karras et al. 2022, arXiv 2206.00364; k-diffusion's `sample_euler_ancestral`), the paper's sampler. */
import { InstructCvError } from "../../errors.js";
import { levelOfSigma, mix, sampleMix } from "../prediction.js";
import { eulerSteps, startSigma } from "../sigmas.js";
import type { Sampler } from "./sampler.js";

/** eta defaults to 1; 0 is the plain, deterministic Euler method. */
export const eulerAncestral: Sampler = async (schedule, model, initial, { steps, eta = 1, noise, onStep, signal }) => {
  if (eta > 0 && !noise) throw new InstructCvError("usage", "euler-ancestral with eta > 0 needs a source of noise.");
  const visited = eulerSteps(schedule, steps);
  const start = startSigma(schedule, visited);
  let sample: Float32Array = initial.map((x) => x * start);
  for (const [index, timestep] of visited.timesteps.entries()) {
    signal?.throwIfAborted();
    const from = visited.sigmas[index]!;
    const to = visited.sigmas[index + 1]!;
    const scaled = sample.map((x) => x / Math.hypot(from, 1));
    const output = await model(scaled, timestep);
    const denoised = mix(sampleMix(schedule.predictionType, levelOfSigma(from)), output, scaled);

    const up = Math.min(to, eta * Math.sqrt((to ** 2 * (from ** 2 - to ** 2)) / from ** 2));
    const down = Math.sqrt(to ** 2 - up ** 2);
    sample = mix({ a: down / from, b: 1 - down / from }, sample, denoised);
    if (noise && up > 0) for (let i = 0; i < sample.length; i++) sample[i]! += up * noise();
    await onStep?.({ step: index + 1, steps, timestep, sample, denoised });
  }
  return sample;
};

/** The plain Euler method (Karras et al. 2022, algorithm 1; k-diffusion's `sample_euler`). */
export const euler: Sampler = (schedule, model, initial, options) =>
  eulerAncestral(schedule, model, initial, { ...options, eta: 0 });
