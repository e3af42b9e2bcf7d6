/** The noise schedule of a checkpoint: how much signal is left at each timestep, and which timesteps sampling visits. */
import { InstructCvError } from "../errors.js";
import {
  type PredictionType,
  type ResolvedConfig,
  resolveConfig,
  type SchedulerConfig,
  type TimestepSpacing,
} from "./scheduler-classes.js";

export type { BetaSchedule, PredictionType, SchedulerConfig, TimestepSpacing } from "./scheduler-classes.js";

export interface Schedule {
  /** T, the number of training timesteps; timesteps run 0 (almost clean) .. T-1 (almost noise). */
  readonly length: number;
  /** Share of signal variance left at each timestep, in [0, 1], falling; exactly 0 at T-1 under zero terminal SNR. */
  readonly alphasCumprod: Float64Array;
  /** The same after the last step of DDIM and PLMS. */
  readonly finalAlphaCumprod: number;
  readonly predictionType: PredictionType;
  readonly spacing: TimestepSpacing;
  readonly stepsOffset: number;
  /** Bound of the predicted sample, null when it is not clamped. */
  readonly clip: number | null;
  /** Sigmas spaced as by Karras et al. 2022 instead of with the timesteps. */
  readonly karras: boolean;
  /** Sigma after the last step: 0, or that of timestep 0. */
  readonly finalSigma: "zero" | "sigma_min";
  /** What the multistep solvers (DPM-Solver++, UniPC) read. */
  readonly solver: {
    readonly order: number;
    /** Lower the order towards the end: DPM-Solver++ in runs of fewer than 15 steps, UniPC in all. */
    readonly lowerOrderFinal: boolean;
    readonly eulerAtFinal: boolean;
  };
  /** What few-step consistency models read. */
  readonly consistency: { readonly originalSteps: number; readonly timestepScaling: number };
}

/** A diffusers scheduler_config.json made concrete. Throws InstructCvError("config") for a value it cannot honour. */
export function makeSchedule(config: SchedulerConfig): Schedule {
  const resolved = resolveConfig(config);
  const betas = makeBetas(resolved);
  let alphasCumprod = cumulativeAlphas(betas);
  if (resolved.rescale_betas_zero_snr) alphasCumprod = rescaleZeroSnr(alphasCumprod);
  return {
    length: betas.length,
    alphasCumprod,
    finalAlphaCumprod: resolved.set_alpha_to_one ? 1 : alphasCumprod[0]!,
    predictionType: oneOf("prediction_type", resolved.prediction_type, ["epsilon", "sample", "v_prediction"]),
    spacing: oneOf("timestep_spacing", resolved.timestep_spacing, ["leading", "linspace", "trailing"]),
    stepsOffset: resolved.steps_offset,
    clip: resolved.clip_sample ? resolved.clip_sample_range : null,
    karras: resolved.use_karras_sigmas,
    finalSigma: oneOf("final_sigmas_type", resolved.final_sigmas_type, ["zero", "sigma_min"]),
    solver: {
      order: resolved.solver_order,
      lowerOrderFinal: resolved.lower_order_final,
      eulerAtFinal: resolved.euler_at_final,
    },
    consistency: {
      originalSteps: resolved.original_inference_steps,
      timestepScaling: resolved.timestep_scaling,
    },
  };
}

function makeBetas(config: ResolvedConfig): Float64Array {
  if (config.trained_betas) return Float64Array.from(config.trained_betas);
  const length = config.num_train_timesteps;
  if (!Number.isInteger(length) || length < 1) fail("num_train_timesteps", "a positive integer", length);
  const { beta_start: start, beta_end: end } = config;
  const ramp = (a: number, b: number, i: number) => (length === 1 ? a : a + ((b - a) * i) / (length - 1));
  switch (oneOf("beta_schedule", config.beta_schedule, ["linear", "scaled_linear", "squaredcos_cap_v2"])) {
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
 * The timesteps sampling visits, falling, as diffusers spaces them (Lin et al. 2023, arXiv 2305.08891, table 2): `trailing`
 * always starts at T-1, `leading` ends at `steps_offset`, `linspace` does both ends. Integers, unless `fractional` keeps
 * linspace's fractions (the Euler family). The arithmetic is NumPy's, down to which way a half is rounded; where its
 * `trailing` runs one value over and visits timestep -1 (61 steps is the first of 62 such counts below 1000), the extra
 * value is left out. Throws InstructCvError("usage") unless 1 <= steps <= T and every timestep is below T.
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
    const stride = (T - 1) / (steps - 1);
    const at = (i: number) => (i === 0 ? 0 : i === steps - 1 ? T - 1 : i * stride);
    const values = Array.from({ length: steps }, (_, i) => at(steps - 1 - i));
    return values.map(fractional ? Math.fround : roundHalfEven);
  }
  if (spacing === "leading") {
    const stride = Math.floor(T / steps);
    const first = (steps - 1) * stride + schedule.stepsOffset;
    if (first >= T)
      throw new InstructCvError(
        "usage",
        `${steps} steps with steps_offset ${schedule.stepsOffset} start at timestep ${first}, the last is ${T - 1}.`,
        "Ask for fewer steps.",
      );
    return Array.from({ length: steps }, (_, i) => first - i * stride);
  }
  const stride = T - (T - T / steps);
  return Array.from({ length: steps }, (_, i) => roundHalfEven(T - i * stride) - 1);
}

/** NumPy's rounding. */
export function roundHalfEven(x: number): number {
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
