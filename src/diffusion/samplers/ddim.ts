/** Denoising diffusion implicit models (Song et al. 2020, arXiv 2010.02502, equations 12 and 16). */
import { InstructCvError } from "../../errors.js";
import { clamp, epsilonMix, levelOf, mix, noiseLevel, sampleMix } from "../prediction.js";
import { timesteps } from "../schedule.js";
import type { Sampler } from "./sampler.js";

/** eta defaults to 0 (deterministic); 1 is DDPM's posterior. */
export const ddim: Sampler = async (schedule, model, initial, { steps, eta = 0, noise, onStep, signal }) => {
  if (eta > 0 && !noise) throw new InstructCvError("usage", "ddim with eta > 0 needs a source of noise.");
  const { alphasCumprod, finalAlphaCumprod, predictionType, clip } = schedule;
  // The stride is diffusers', also where the spacing is uneven, so that a checkpoint gives the same picture in both.
  const stride = Math.floor(schedule.length / steps);
  let sample = initial;
  for (const [index, timestep] of timesteps(schedule, steps).entries()) {
    signal?.throwIfAborted();
    const output = await model(sample, timestep);
    const level = noiseLevel(schedule, timestep);
    const denoised = clamp(mix(sampleMix(predictionType, level), output, sample), clip);
    const epsilon = mix(epsilonMix(predictionType, level), output, sample);

    const alpha = alphasCumprod[timestep]!;
    const alphaPrev = timestep < stride ? finalAlphaCumprod : alphasCumprod[timestep - stride]!;
    const sigma = eta * Math.sqrt(((1 - alphaPrev) / (1 - alpha)) * (1 - alpha / alphaPrev));
    sample = mix(
      { a: levelOf(alphaPrev).signal, b: Math.sqrt(Math.max(0, 1 - alphaPrev - sigma ** 2)) },
      denoised,
      epsilon,
    );
    if (noise && eta > 0) for (let i = 0; i < sample.length; i++) sample[i]! += sigma * noise();
    await onStep?.({ step: index + 1, steps, timestep, sample, denoised });
  }
  return sample;
};
