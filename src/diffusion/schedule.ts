/** The noise schedule of a checkpoint: how much signal is left at each timestep, and which timesteps sampling visits. */
import { InstructCvError } from "../errors.js";

export type PredictionType = "epsilon" | "sample" | "v_prediction";
export type TimestepSpacing = "leading" | "linspace" | "trailing";
export type BetaSchedule = "linear" | "scaled_linear" | "squaredcos_cap_v2";

/** `scheduler/scheduler_config.json` with the key names of diffusers; a key left out means what its class means by it. */
export interface SchedulerConfig {
  /** `DDIMScheduler` | `EulerAncestralDiscreteScheduler` | `EulerDiscreteScheduler` | `DDPMScheduler` | `PNDMScheduler`. */
  readonly _class_name?: string;
  readonly num_train_timesteps?: number;
  readonly beta_start?: number;
  readonly beta_end?: number;
  readonly beta_schedule?: BetaSchedule;
  readonly trained_betas?: readonly number[] | null;
  readonly prediction_type?: PredictionType;
  readonly timestep_spacing?: TimestepSpacing;
  readonly steps_offset?: number;
  readonly rescale_betas_zero_snr?: boolean;
  /** DDIM's last step lands on alpha = 1 (true) or on that of timestep 0 (false). */
  readonly set_alpha_to_one?: boolean;
  /** Clamp the predicted sample to +-clip_sample_range at every DDIM step. */
  readonly clip_sample?: boolean;
  readonly clip_sample_range?: number;
}

export interface Schedule {
  /** T, the number of training timesteps; timesteps run 0 (almost clean) .. T-1 (almost noise). */
  readonly length: number;
  /** Share of signal variance left at each timestep, in [0, 1], falling; exactly 0 at T-1 under zero terminal SNR. */
  readonly alphasCumprod: Float64Array;
  /** The same after DDIM's last step. */
  readonly finalAlphaCumprod: number;
  readonly predictionType: PredictionType;
  readonly spacing: TimestepSpacing;
  readonly stepsOffset: number;
  /** Bound of the predicted sample, null when it is not clamped. */
  readonly clip: number | null;
}

/** A diffusers scheduler_config.json made concrete. Throws InstructCvError("config") for a value it cannot honour. */
export function makeSchedule(config: SchedulerConfig): Schedule {
  const className = config._class_name ?? "DDIMScheduler";
  const sigmaSpace = className.startsWith("Euler");
  const clips = className === "DDIMScheduler" || className === "DDPMScheduler";
  const betas = makeBetas(config);
  let alphasCumprod = cumulativeAlphas(betas);
  if (config.rescale_betas_zero_snr) alphasCumprod = rescaleZeroSnr(alphasCumprod);
  const toOne = config.set_alpha_to_one ?? className !== "PNDMScheduler";
  return {
    length: betas.length,
    alphasCumprod,
    finalAlphaCumprod: toOne ? 1 : alphasCumprod[0]!,
    predictionType: oneOf("prediction_type", config.prediction_type ?? "epsilon", [
      "epsilon",
      "sample",
      "v_prediction",
    ]),
    spacing: oneOf("timestep_spacing", config.timestep_spacing ?? (sigmaSpace ? "linspace" : "leading"), [
      "leading",
      "linspace",
      "trailing",
    ]),
    stepsOffset: config.steps_offset ?? 0,
    clip: (config.clip_sample ?? clips) ? (config.clip_sample_range ?? 1) : null,
  };
}

function makeBetas(config: SchedulerConfig): Float64Array {
  if (config.trained_betas) return Float64Array.from(config.trained_betas);
  const length = config.num_train_timesteps ?? 1000;
  if (!Number.isInteger(length) || length < 1) fail("num_train_timesteps", "a positive integer", length);
  const { beta_start: start = 0.0001, beta_end: end = 0.02 } = config;
  const ramp = (a: number, b: number, i: number) => (length === 1 ? a : a + ((b - a) * i) / (length - 1));
  switch (oneOf("beta_schedule", config.beta_schedule ?? "linear", ["linear", "scaled_linear", "squaredcos_cap_v2"])) {
    case "linear":
      return Float64Array.from({ length }, (_, i) => ramp(start, end, i));
    case "scaled_linear":
      return Float64Array.from({ length }, (_, i) => ramp(Math.sqrt(start), Math.sqrt(end), i) ** 2);
    case "squaredcos_cap_v2": {
      const alphaBar = (t: number) => Math.cos(((t + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
      return Float64Array.from({ length }, (_, i) =>
        Math.min(1 - alphaBar((i + 1) / length) / alphaBar(i / length), 0.999),
      );
    }
  }
}

function cumulativeAlphas(betas: Float64Array): Float64Array {
  let product = 1;
  return betas.map((beta) => {
    product *= 1 - beta;
    return product;
  });
}

/** Shifts and scales sqrt(alpha-bar) so that the last is 0 and the first stays: Lin et al. 2023, algorithm 1 (arXiv 2305.08891). */
function rescaleZeroSnr(alphasCumprod: Float64Array): Float64Array {
  const first = Math.sqrt(alphasCumprod[0]!);
  const last = Math.sqrt(alphasCumprod.at(-1)!);
  return alphasCumprod.map((alpha) => ((Math.sqrt(alpha) - last) * (first / (first - last))) ** 2);
}

/**
 * The timesteps sampling visits, falling, as diffusers spaces them (Lin et al. 2023, table 2): `trailing` always starts at
 * T-1, `leading` ends at `steps_offset`, `linspace` does both ends. Integers, unless `fractional` keeps linspace's fractions
 * (the Euler family). Throws InstructCvError("usage") unless 1 <= steps <= T.
 */
export function timesteps(
  schedule: Schedule,
  steps: number,
  spacing: TimestepSpacing = schedule.spacing,
  fractional = false,
): number[] {
  const T = schedule.length;
  if (!Number.isInteger(steps) || steps < 1 || steps > T)
    throw new InstructCvError("usage", `steps must be an integer from 1 to ${T}, found ${steps}.`);
  if (spacing === "linspace") {
    const at = (i: number) => (i === 0 ? 0 : i === steps - 1 ? T - 1 : (i * (T - 1)) / (steps - 1));
    const values = Array.from({ length: steps }, (_, i) => at(steps - 1 - i));
    return values.map(fractional ? Math.fround : roundHalfEven);
  }
  if (spacing === "leading") {
    const stride = Math.floor(T / steps);
    return Array.from({ length: steps }, (_, i) => (steps - 1 - i) * stride + schedule.stepsOffset);
  }
  const stride = T - (T - T / steps);
  return Array.from({ length: steps }, (_, i) => roundHalfEven(T - i * stride) - 1);
}

/** NumPy's rounding. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

function oneOf<T extends string>(key: string, value: string, allowed: readonly T[]): T {
  if (!(allowed as readonly string[]).includes(value)) fail(key, `one of ${allowed.join(", ")}`, value);
  return value as T;
}

function fail(key: string, expected: string, found: unknown): never {
  throw new InstructCvError(
    "config",
    `scheduler_config.json: ${key} must be ${expected}, found ${JSON.stringify(found)}.`,
  );
}
