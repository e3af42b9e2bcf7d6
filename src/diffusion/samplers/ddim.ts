/** Denoising diffusion implicit models (Song et al. 2020, arXiv 2010.02502, equations 12 and 16). */
import { InstructCvError } from "../../errors.js";
import { clamp, epsilonMix, levelOf, type Mix, mix, noiseLevel, sampleMix } from "../prediction.js";
import { type Schedule, timesteps } from "../schedule.js";
import type { Sampler } from "./sampler.js";

/** One step: coefficients of what the network gave and of the sample it was given, and then of the two things they make. */
export interface DdimStep {
  readonly timestep: number;
  /** The predicted clean sample as `a * output + b * sample`, clamped by the schedule. */
  readonly denoised: Mix;
  /** The predicted noise as `a * output + b * sample`. */
  readonly epsilon: Mix;
  /** The next sample as `a * denoised + b * epsilon`, plus `sigma` times fresh noise. */
  readonly next: Mix;
  readonly sigma: number;
}

/** `eta` 0 is deterministic; 1 is DDPM's posterior. The stride is diffusers', also where the spacing is uneven, so that a checkpoint gives the same picture in both. */
export function ddimSteps(schedule: Schedule, steps: number, eta = 0): DdimStep[] {
  const { alphasCumprod, finalAlphaCumprod, predictionType } = schedule;
  const stride = Math.floor(schedule.length / steps);
  return timesteps(schedule, steps).map((timestep) => {
    const level = noiseLevel(schedule, timestep);
    const alpha = alphasCumprod[timestep]!;
    const alphaPrev = timestep < stride ? finalAlphaCumprod : alphasCumprod[timestep - stride]!;
    const sigma = eta * Math.sqrt(((1 - alphaPrev) / (1 - alpha)) * (1 - alpha / alphaPrev));
    return {
      timestep,
      denoised: sampleMix(predictionType, level),
      epsilon: epsilonMix(predictionType, level),
      next: { a: levelOf(alphaPrev).signal, b: Math.sqrt(Math.max(0, 1 - alphaPrev - sigma ** 2)) },
      sigma,
    };
  });
}

export const ddim: Sampler = async (schedule, model, initial, { steps, eta = 0, noise, onStep, signal }) => {
  if (eta > 0 && !noise) throw new InstructCvError("usage", "ddim with eta > 0 needs a source of noise.");
  let sample = initial;
  for (const [index, step] of ddimSteps(schedule, steps, eta).entries()) {
    signal?.throwIfAborted();
    const { timestep, sigma } = step;
    const output = await model(sample, timestep);
    const denoised = clamp(mix(step.denoised, output, sample), schedule.clip);
    const epsilon = mix(step.epsilon, output, sample);
    sample = mix(step.next, denoised, epsilon);
    if (noise && eta > 0) for (let i = 0; i < sample.length; i++) sample[i]! += sigma * noise();
    await onStep?.({ step: index + 1, steps, timestep, sample, denoised });
  }
  return sample;
};
