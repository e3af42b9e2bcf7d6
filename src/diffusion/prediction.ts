/** What a denoiser may predict (noise, sample or velocity) and the linear maps between the three. */
import { InstructCvError } from "../errors.js";
import type { PredictionType, Schedule } from "./schedule.js";

/** noisy = signal * sample + noise * epsilon, with signal^2 + noise^2 = 1. */
export interface NoiseLevel {
  readonly signal: number;
  readonly noise: number;
}

/** Coefficients of a linear combination `a * first + b * second`; the functions below say of what. */
export interface Mix {
  readonly a: number;
  readonly b: number;
}

/** The level of an integer timestep 0..T-1: sqrt(alpha-bar) and sqrt(1 - alpha-bar). */
export function noiseLevel(schedule: Schedule, timestep: number): NoiseLevel {
  const alpha = schedule.alphasCumprod[timestep];
  if (alpha === undefined)
    throw new InstructCvError(
      "usage",
      `timestep must be an integer from 0 to ${schedule.length - 1}, found ${timestep}.`,
    );
  return levelOf(alpha);
}

/** The level that belongs to a share of signal variance, in [0, 1]. */
export function levelOf(alphaCumprod: number): NoiseLevel {
  return { signal: Math.sqrt(alphaCumprod), noise: Math.sqrt(1 - alphaCumprod) };
}

/** The level where noise is `sigma` times as large as signal, sigma >= 0. */
export function levelOfSigma(sigma: number): NoiseLevel {
  return levelOf(1 / (sigma ** 2 + 1));
}

/** The training target as `a * sample + b * epsilon`. */
export function targetMix(type: PredictionType, level: NoiseLevel): Mix {
  if (type === "epsilon") return { a: 0, b: 1 };
  if (type === "sample") return { a: 1, b: 0 };
  return { a: -level.noise, b: level.signal };
}

/** The predicted sample as `a * output + b * noisy`. Throws InstructCvError("config") for epsilon where no signal is left. */
export function sampleMix(type: PredictionType, level: NoiseLevel): Mix {
  requireSignal(type, level);
  if (type === "sample") return { a: 1, b: 0 };
  if (type === "v_prediction") return { a: -level.noise, b: level.signal };
  return { a: -level.noise / level.signal, b: 1 / level.signal };
}

/** Throws InstructCvError("config") for a prediction of epsilon where no signal is left. */
export function requireSignal(type: PredictionType, level: NoiseLevel): void {
  if (type === "epsilon" && level.signal === 0)
    throw new InstructCvError(
      "config",
      "An epsilon prediction says nothing about the sample at zero terminal SNR.",
      "Use prediction_type v_prediction or sample, or rescale_betas_zero_snr false.",
    );
}

/** The predicted noise as `a * output + b * noisy`. */
export function epsilonMix(type: PredictionType, level: NoiseLevel): Mix {
  if (type === "epsilon") return { a: 1, b: 0 };
  if (type === "v_prediction") return { a: level.signal, b: level.noise };
  return { a: -level.signal / level.noise, b: 1 / level.noise };
}

/** `a * first + b * second`, element by element. */
export function mix({ a, b }: Mix, first: Float32Array, second: Float32Array): Float32Array {
  const out = new Float32Array(first.length);
  for (let i = 0; i < out.length; i++) out[i] = (a === 0 ? 0 : a * first[i]!) + (b === 0 ? 0 : b * second[i]!);
  return out;
}

/** `sample` itself with every element forced into [-bound, bound]; null is no bound. */
export function clamp(sample: Float32Array, bound: number | null): Float32Array {
  if (bound !== null) for (let i = 0; i < sample.length; i++) sample[i] = Math.min(bound, Math.max(-bound, sample[i]!));
  return sample;
}

/** The forward process: signal * sample + noise * epsilon. */
export function addNoise(sample: Float32Array, epsilon: Float32Array, level: NoiseLevel): Float32Array {
  return mix({ a: level.signal, b: level.noise }, sample, epsilon);
}

/** v = signal * epsilon - noise * sample (Salimans and Ho 2022, arXiv 2202.00512). */
export function velocity(sample: Float32Array, epsilon: Float32Array, level: NoiseLevel): Float32Array {
  return mix(targetMix("v_prediction", level), sample, epsilon);
}

/** The sample a model's output stands for. */
export function toSample(
  type: PredictionType,
  level: NoiseLevel,
  output: Float32Array,
  noisy: Float32Array,
): Float32Array {
  return mix(sampleMix(type, level), output, noisy);
}

/** The noise a model's output stands for. */
export function toEpsilon(
  type: PredictionType,
  level: NoiseLevel,
  output: Float32Array,
  noisy: Float32Array,
): Float32Array {
  return mix(epsilonMix(type, level), output, noisy);
}
