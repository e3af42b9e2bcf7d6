/** Euler steps with ancestral noise (Karras et al. 2022, arXiv 2206.00364; k-diffusion's `sample_euler_ancestral`), the paper's sampler. */
import { InstructCvError } from "../../errors.js";
import { levelOf, mix, sampleMix } from "../prediction.js";
import { type Schedule, timesteps } from "../schedule.js";
import type { Sampler } from "./sampler.js";

/** eta defaults to 1; 0 is the plain, deterministic Euler method. */
export const eulerAncestral: Sampler = async (schedule, model, initial, { steps, eta = 1, noise, onStep, signal }) => {
  if (eta > 0 && !noise) throw new InstructCvError("usage", "euler-ancestral with eta > 0 needs a source of noise.");
  const visited = timesteps(schedule, steps, schedule.spacing, true);
  const sigmas = [...visited.map((t) => sigmaAt(schedule, t)), 0];
  const start = schedule.spacing === "leading" ? Math.hypot(sigmas[0]!, 1) : sigmas[0]!;
  let sample: Float32Array = initial.map((x) => x * start);
  for (const [index, timestep] of visited.entries()) {
    signal?.throwIfAborted();
    const from = sigmas[index]!;
    const to = sigmas[index + 1]!;
    const scaled = sample.map((x) => x / Math.hypot(from, 1));
    const output = await model(scaled, timestep);
    const denoised = mix(sampleMix(schedule.predictionType, levelOf(1 / (from ** 2 + 1))), output, scaled);

    const up = Math.min(to, eta * Math.sqrt((to ** 2 * (from ** 2 - to ** 2)) / from ** 2));
    const down = Math.sqrt(to ** 2 - up ** 2);
    sample = mix({ a: down / from, b: 1 - down / from }, sample, denoised);
    if (noise && up > 0) for (let i = 0; i < sample.length; i++) sample[i]! += up * noise();
    await onStep?.({ step: index + 1, steps, timestep, sample, denoised });
  }
  return sample;
};

/** Noise over signal at a (possibly fractional) timestep, linear between neighbours. */
export function sigmaAt(schedule: Schedule, timestep: number): number {
  const at = (t: number) => {
    // Zero terminal SNR would be an infinite sigma: diffusers' floor of the signal's variance.
    const alpha = Math.max(schedule.alphasCumprod[t]!, 2 ** -24);
    return Math.sqrt((1 - alpha) / alpha);
  };
  const below = Math.floor(timestep);
  const rest = timestep - below;
  return rest === 0 ? at(below) : at(below) * (1 - rest) + at(below + 1) * rest;
}
