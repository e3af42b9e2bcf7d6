/** What every sampler takes and reports: an injected model, injected randomness, progress and abort. */
import type { Schedule } from "../schedule.js";

/** Evaluates the network (guidance included) on a sample of variance about 1 at a timestep; same length in and out. */
export type DenoiseModel = (noisy: Float32Array, timestep: number) => Float32Array | Promise<Float32Array>;

export interface SamplerStep {
  /** 1-based; the last one equals `steps`. */
  readonly step: number;
  readonly steps: number;
  readonly timestep: number;
  /** The sample after this step, in the sampler's own scale. */
  readonly sample: Float32Array;
  /** The clean sample as the model sees it now: what a preview shows. */
  readonly denoised: Float32Array;
}

export interface SamplerOptions {
  /** Updates of the sample; a sampler states where evaluations of the network outnumber them. */
  readonly steps: number;
  /** Share of ancestral noise, in [0, 1]; 0 is deterministic. Each sampler states its default, or that it has no use for it. */
  readonly eta?: number;
  /** Standard normal values, called once for each element where a sampler adds noise; needed when eta > 0, and by lcm. */
  readonly noise?: () => number;
  readonly onStep?: (step: SamplerStep) => void | Promise<void>;
  /** Checked before every evaluation; the sampler rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** `initial` is standard normal noise of any length; the result is the clean sample of the same length. */
export type Sampler = (
  schedule: Schedule,
  model: DenoiseModel,
  initial: Float32Array,
  options: SamplerOptions,
) => Promise<Float32Array>;
