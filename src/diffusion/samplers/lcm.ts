/** Few-step sampling of latent consistency models (Luo et al. 2023, arXiv 2310.04378; Song et al. 2023, arXiv 2303.01469, algorithm 1). */
import { InstructCvError } from "../../errors.js";
import { addNoise, clamp, mix, noiseLevel, sampleMix } from "../prediction.js";
import type { Schedule } from "../schedule.js";
import type { Sampler } from "./sampler.js";

/** Standard deviation of the data that the boundary condition assumes. */
const sigmaData = 0.5;

/** Noise between steps, never after the last; `eta` has no part in it. */
export const lcm: Sampler = async (schedule, model, initial, { steps, noise, onStep, signal }) => {
  const visited = consistencyTimesteps(schedule, steps);
  let sample = initial;
  for (const [index, timestep] of visited.entries()) {
    signal?.throwIfAborted();
    const output = await model(sample, timestep);
    const mixed = mix(sampleMix(schedule.predictionType, noiseLevel(schedule, timestep)), output, sample);
    // The consistency function is the identity at timestep 0 and the predicted sample away from it.
    const scaled = timestep * schedule.consistency.timestepScaling;
    const skip = sigmaData ** 2 / (scaled ** 2 + sigmaData ** 2);
    const out = scaled / Math.hypot(scaled, sigmaData);
    const denoised = mix({ a: out, b: skip }, clamp(mixed, schedule.clip), sample);

    const next = visited[index + 1];
    if (next === undefined) sample = denoised;
    else if (noise) sample = addNoise(denoised, Float32Array.from(denoised, noise), noiseLevel(schedule, next));
    else throw new InstructCvError("usage", "lcm with more than one step needs a source of noise.");
    await onStep?.({ step: index + 1, steps, timestep, sample, denoised });
  }
  return sample;
};

/** Evenly picked among the timesteps of the distillation, falling. Throws InstructCvError("usage") for more steps than those. */
export function consistencyTimesteps(schedule: Schedule, steps: number): number[] {
  const { originalSteps } = schedule.consistency;
  if (originalSteps > schedule.length)
    throw new InstructCvError(
      "config",
      `scheduler_config.json: original_inference_steps must be at most ${schedule.length}, found ${originalSteps}.`,
    );
  if (!Number.isInteger(steps) || steps < 1 || steps > originalSteps)
    throw new InstructCvError("usage", `steps of lcm must be an integer from 1 to ${originalSteps}, found ${steps}.`);
  const stride = Math.floor(schedule.length / originalSteps);
  const picked = Array.from({ length: steps }, (_, i) => Math.floor(i * (originalSteps / steps)));
  return picked.map((index) => (originalSteps - index) * stride - 1);
}
