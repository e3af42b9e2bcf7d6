/** Where the sigma-space samplers stop: timesteps and their sigmas, sigma being the noise over the signal. */
import { InstructCvError } from "../errors.js";
import { noiseLevel, requireSignal } from "./prediction.js";
import { roundHalfEven, type Schedule, timesteps } from "./schedule.js";

export interface SigmaSteps {
  /** What the network is told, one for each step. */
  readonly timesteps: readonly number[];
  /** Falling; one more than `timesteps`, as the last is where the last step lands. */
  readonly sigmas: readonly number[];
}

/** Euler's and Heun's steps: timesteps may be fractional, Karras' sigmas run between those of the first and the last. */
export function eulerSteps(schedule: Schedule, steps: number): SigmaSteps {
  const spaced = timesteps(schedule, steps, schedule.spacing, true);
  const sigmas = spaced.map((t) => sigmaAt(schedule, t));
  if (!schedule.karras) return { timesteps: spaced, sigmas: [...sigmas, finalSigma(schedule)] };
  const karras = karrasSigmas(sigmas[0]!, sigmas.at(-1)!, steps);
  return { timesteps: karras.map((s) => timestepAt(schedule, s)), sigmas: [...karras, finalSigma(schedule)] };
}

/** What standard normal noise is multiplied by to start from `sigmas`, as diffusers' Euler and Heun do. */
export function startSigma(schedule: Schedule, { sigmas }: SigmaSteps): number {
  return schedule.spacing === "leading" ? Math.hypot(sigmas[0]!, 1) : sigmas[0]!;
}

/**
 * The steps of the multistep solvers: integer timesteps, spaced as one step more of which the last, clean one is never
 * evaluated; Karras' sigmas run over the whole training range. Throws InstructCvError("usage") for as many steps as there
 * are timesteps unless the spacing is trailing: two of them would coincide.
 */
export function multistepSteps(schedule: Schedule, steps: number): SigmaSteps {
  const T = schedule.length;
  if (schedule.spacing !== "trailing" && steps === T)
    throw new InstructCvError("usage", `steps must be an integer from 1 to ${T - 1} for this sampler, found ${steps}.`);
  if (schedule.karras) {
    const sigmas = karrasSigmas(sigmaAt(schedule, T - 1), sigmaAt(schedule, 0), steps);
    const nearest = sigmas.map((sigma) => roundHalfEven(timestepAt(schedule, sigma)));
    return { timesteps: nearest, sigmas: [...sigmas, finalSigma(schedule)] };
  }
  const spaced =
    schedule.spacing === "trailing" ? timesteps(schedule, steps) : timesteps(schedule, steps + 1).slice(0, -1);
  return { timesteps: spaced, sigmas: [...spaced.map((t) => sigmaAt(schedule, t)), finalSigma(schedule)] };
}

/**
 * Sigma at a (possibly fractional) timestep, linear between neighbours. Zero terminal SNR would be an infinite sigma and
 * gets diffusers' 4096. Throws InstructCvError("config") for a prediction of epsilon there, which diffusers lets through.
 */
export function sigmaAt(schedule: Schedule, timestep: number): number {
  const at = (t: number) => {
    requireSignal(schedule.predictionType, noiseLevel(schedule, t));
    const alpha = schedule.alphasCumprod[t]! || 2 ** -24;
    return Math.sqrt((1 - alpha) / alpha);
  };
  const below = Math.floor(timestep);
  const rest = timestep - below;
  return rest === 0 ? at(below) : at(below) * (1 - rest) + at(below + 1) * rest;
}

/** The fractional timestep of a sigma, linear in log sigma between neighbours, clamped to the training range. */
function timestepAt(schedule: Schedule, sigma: number): number {
  let below = schedule.length - 2;
  while (below > 0 && sigmaAt(schedule, below) > sigma) below--;
  const [low, high] = [Math.log(sigmaAt(schedule, below)), Math.log(sigmaAt(schedule, below + 1))];
  return below + Math.min(1, Math.max(0, (Math.log(sigma) - low) / (high - low)));
}

/** Karras et al. 2022 (arXiv 2206.00364), equation 5 with rho 7: evenly spaced seventh roots. */
function karrasSigmas(first: number, last: number, steps: number): number[] {
  const [a, b] = [first ** (1 / 7), last ** (1 / 7)];
  return Array.from({ length: steps }, (_, i) => (i === 0 ? a : a + ((b - a) * i) / (steps - 1)) ** 7);
}

function finalSigma(schedule: Schedule): number {
  return schedule.finalSigma === "zero" ? 0 : sigmaAt(schedule, 0);
}
