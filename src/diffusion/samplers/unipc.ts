/** UniPC-2 with B2(h), a predictor and a corrector from one evaluation a step (Zhao et al. 2023, arXiv 2302.04867, algorithms 1 and 2). */
import { levelOfSigma, mix, sampleMix } from "../prediction.js";
import { multistepSteps } from "../sigmas.js";
import { advance, extrapolate, stepLength } from "./multistep.js";
import type { Sampler } from "./sampler.js";

/** Deterministic; `eta` has no part in it. The corrector reuses the evaluation that the next predictor needs anyway. */
export const unipc: Sampler = async (schedule, model, initial, { steps, onStep, signal }) => {
  const { timesteps, sigmas } = multistepSteps(schedule, steps);
  const { order, lowerOrderFinal } = schedule.solver;
  const orderOf = (index: number) =>
    sigmas[index + 1] === 0 ? 1 : Math.min(order, index + 1, lowerOrderFinal ? steps - index : order);
  let sample = initial;
  let start = initial;
  let data: Float32Array[] = [];
  for (const [index, timestep] of timesteps.entries()) {
    signal?.throwIfAborted();
    const [oldest, last, from, to] = [sigmas[index - 2]!, sigmas[index - 1]!, sigmas[index]!, sigmas[index + 1]!];
    const output = await model(sample, timestep);
    const denoised = mix(sampleMix(schedule.predictionType, levelOfSigma(from)), output, sample);

    if (index > 0) {
      const length = stepLength(last, from);
      const ratio = orderOf(index - 1) === 2 ? stepLength(oldest, last) / length : null;
      sample = advance(last, from, start, correct(denoised, data[0]!, data[1]!, length, ratio));
    }
    start = sample;
    sample = advance(
      from,
      to,
      start,
      orderOf(index) === 2 ? extrapolate(denoised, data[0]!, stepLength(last, from) / stepLength(from, to)) : denoised,
    );
    data = [denoised, data[0]!];
    await onStep?.({ step: index + 1, steps, timestep, sample, denoised });
  }
  return sample;
};

/**
 * UniC: the data prediction to hold over a step of `length` now that its end is evaluated: `now` there, `data` at its start,
 * `before` a step of `ratio` lengths earlier (null: not used). The weights solve the paper's R_p(h) a = phi_p(h) / B(h).
 */
function correct(
  now: Float32Array,
  data: Float32Array,
  before: Float32Array,
  length: number,
  ratio: number | null,
): Float32Array {
  if (ratio === null) return mix({ a: 0.5, b: 0.5 }, now, data);
  const B = Math.expm1(-length);
  const phi2 = B / -length - 1;
  const phi3 = phi2 / -length - 1 / 2;
  const beforeWeight = (phi2 / B - (2 * phi3) / B) / (1 + ratio);
  const nowWeight = phi2 / B - beforeWeight;
  return data.map((x, i) => x - (beforeWeight / ratio) * (before[i]! - x) + nowWeight * (now[i]! - x));
}
