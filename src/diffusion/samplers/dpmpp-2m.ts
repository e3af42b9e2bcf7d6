/** DPM-Solver++(2M), second order from one evaluation a step (Lu et al. 2022, arXiv 2211.01095, algorithm 2; k-diffusion's `sample_dpmpp_2m`). */
import { levelOfSigma, mix, sampleMix } from "../prediction.js";
import { multistepSteps } from "../sigmas.js";
import { advance, extrapolate, stepLength } from "./multistep.js";
import type { Sampler } from "./sampler.js";

/** Deterministic; `eta` has no part in it. First order in the first step, in the last where the schedule asks for it or lands on 0. */
export const dpmpp2m: Sampler = async (schedule, model, initial, { steps, onStep, signal }) => {
  const { timesteps, sigmas } = multistepSteps(schedule, steps);
  const { order, lowerOrderFinal, eulerAtFinal } = schedule.solver;
  const firstOrderFinal = eulerAtFinal || (lowerOrderFinal && steps < 15) || sigmas[steps] === 0;
  let sample = initial;
  let before: Float32Array | undefined;
  for (const [index, timestep] of timesteps.entries()) {
    signal?.throwIfAborted();
    const from = sigmas[index]!;
    const to = sigmas[index + 1]!;
    const output = await model(sample, timestep);
    const denoised = mix(sampleMix(schedule.predictionType, levelOfSigma(from)), output, sample);

    const firstOrder = order === 1 || (firstOrderFinal && index === steps - 1);
    const data =
      before && !firstOrder
        ? extrapolate(denoised, before, stepLength(sigmas[index - 1]!, from) / stepLength(from, to))
        : denoised;
    sample = advance(from, to, sample, data);
    before = denoised;
    await onStep?.({ step: index + 1, steps, timestep, sample, denoised });
  }
  return sample;
};
