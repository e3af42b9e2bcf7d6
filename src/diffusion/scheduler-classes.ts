/** The scheduler classes of diffusers whose configs are understood: which keys each reads, their defaults, what is refused. */
import { InstructCvError } from "../errors.js";

export type PredictionType = "epsilon" | "sample" | "v_prediction";
export type TimestepSpacing = "leading" | "linspace" | "trailing";
export type BetaSchedule = "linear" | "scaled_linear" | "squaredcos_cap_v2";

/**
 * `scheduler/scheduler_config.json` with the key names of diffusers; a key left out means what its class means by it, and
 * a key that its class does not read is not read here either.
 */
export interface SchedulerConfig {
  /** One of the keys of `schedulerClasses`; left out, `DDIMScheduler`. */
  readonly _class_name?: string;
  readonly num_train_timesteps?: number;
  readonly beta_start?: number;
  readonly beta_end?: number;
  readonly beta_schedule?: BetaSchedule;
  readonly trained_betas?: readonly number[] | null;
  readonly prediction_type?: PredictionType;
  readonly timestep_spacing?: TimestepSpacing;
  readonly steps_offset?: number;
  /** Zero terminal SNR. It belongs to the noise the network was trained on, so it counts for every class. */
  readonly rescale_betas_zero_snr?: boolean;
  /** DDIM's and PNDM's last step lands on alpha = 1 (true) or on that of timestep 0 (false). */
  readonly set_alpha_to_one?: boolean;
  /** Clamp the predicted sample to +-clip_sample_range at every step (DDIM, Heun, LCM). */
  readonly clip_sample?: boolean;
  readonly clip_sample_range?: number;
  /** Sigmas as Karras et al. space them (Euler, Heun, DPM-Solver++, UniPC). */
  readonly use_karras_sigmas?: boolean;
  /** Sigma after the last step: 0, or that of timestep 0 (Euler, DPM-Solver++, UniPC). */
  readonly final_sigmas_type?: "zero" | "sigma_min";
  readonly solver_order?: number;
  readonly lower_order_final?: boolean;
  readonly euler_at_final?: boolean;
  /** Steps the consistency model was distilled for; sampling picks among them. */
  readonly original_inference_steps?: number;
  /** Sharpness of the boundary condition of consistency models. */
  readonly timestep_scaling?: number;
  /** False asks for Runge-Kutta steps first, which are not implemented. */
  readonly skip_prk_steps?: boolean;
  readonly algorithm_type?: string;
  readonly solver_type?: string;
  readonly variance_type?: string | null;
  readonly predict_x0?: boolean;
  readonly disable_corrector?: readonly number[];
  readonly solver_p?: unknown;
  readonly thresholding?: boolean;
  readonly use_exponential_sigmas?: boolean;
  readonly use_beta_sigmas?: boolean;
  readonly use_lu_lambdas?: boolean;
  readonly use_flow_sigmas?: boolean;
  readonly lambda_min_clipped?: number | null;
  readonly interpolation_type?: string;
  readonly timestep_type?: string;
  readonly sigma_min?: number | null;
  readonly sigma_max?: number | null;
}

/** Every key that is computed with, none left open. */
export type ResolvedConfig = Required<
  Pick<SchedulerConfig, Exclude<keyof typeof base, "trained_betas">> & { trained_betas: readonly number[] | null }
>;

interface SchedulerClass {
  /** The keys the class reads besides those of `always`, and where it departs from `base`. */
  readonly defaults: SchedulerConfig;
  /** Keys it reads of which only these values can be honoured. */
  readonly only: { readonly [K in keyof SchedulerConfig]?: readonly SchedulerConfig[K][] };
}

/** What every key means unless a class says otherwise. */
const base = {
  num_train_timesteps: 1000,
  beta_start: 0.0001,
  beta_end: 0.02,
  beta_schedule: "linear",
  trained_betas: null,
  prediction_type: "epsilon",
  timestep_spacing: "leading",
  steps_offset: 0,
  rescale_betas_zero_snr: false,
  set_alpha_to_one: true,
  clip_sample: false,
  clip_sample_range: 1,
  use_karras_sigmas: false,
  final_sigmas_type: "zero",
  solver_order: 2,
  lower_order_final: true,
  euler_at_final: false,
  original_inference_steps: 50,
  timestep_scaling: 10,
} satisfies SchedulerConfig;

/** Keys of the noise process and its timesteps, which every class reads. */
const always: readonly (keyof SchedulerConfig)[] = [
  "num_train_timesteps",
  "beta_start",
  "beta_end",
  "beta_schedule",
  "trained_betas",
  "prediction_type",
  "timestep_spacing",
  "steps_offset",
  "rescale_betas_zero_snr",
];

const clipping = { clip_sample: false, clip_sample_range: 1 };
const sigmas = { timestep_spacing: "linspace", use_karras_sigmas: false } as const;
const multistep = { ...sigmas, final_sigmas_type: "zero", solver_order: 2, lower_order_final: true } as const;

const noThresholding = { thresholding: [false] };
const noOtherSigmas = { use_exponential_sigmas: [false], use_beta_sigmas: [false], use_flow_sigmas: [false] };
const noSigmaRange = { sigma_min: [null], sigma_max: [null] };
const fixedVariance = [null, "fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log"];

export type SchedulerClassName = keyof typeof schedulerClasses;

export const schedulerClasses = {
  DDIMScheduler: { defaults: { ...clipping, clip_sample: true, set_alpha_to_one: true }, only: noThresholding },
  // The same noise process, sampled without its noise: what kind of variance that noise has plays no part.
  DDPMScheduler: {
    defaults: { ...clipping, clip_sample: true },
    only: { ...noThresholding, variance_type: fixedVariance },
  },
  PNDMScheduler: { defaults: { set_alpha_to_one: false, skip_prk_steps: false }, only: { skip_prk_steps: [true] } },
  EulerDiscreteScheduler: {
    defaults: { ...sigmas, final_sigmas_type: "zero" },
    only: { ...noOtherSigmas, ...noSigmaRange, interpolation_type: ["linear"], timestep_type: ["discrete"] },
  },
  EulerAncestralDiscreteScheduler: { defaults: { timestep_spacing: "linspace" }, only: {} },
  HeunDiscreteScheduler: {
    defaults: { ...sigmas, ...clipping, beta_start: 0.00085, beta_end: 0.012 },
    only: noOtherSigmas,
  },
  DPMSolverMultistepScheduler: {
    defaults: { ...multistep, euler_at_final: false },
    only: {
      ...noOtherSigmas,
      ...noThresholding,
      solver_order: [1, 2],
      algorithm_type: ["dpmsolver++", "deis"],
      // diffusers takes the names of its other solvers for midpoint.
      solver_type: ["midpoint", "logrho", "bh1", "bh2"],
      variance_type: [null],
      use_lu_lambdas: [false],
      lambda_min_clipped: [Number.NEGATIVE_INFINITY, null],
    },
  },
  UniPCMultistepScheduler: {
    defaults: multistep,
    only: {
      ...noOtherSigmas,
      ...noThresholding,
      ...noSigmaRange,
      solver_order: [1, 2],
      // And here for bh2.
      solver_type: ["bh2", "midpoint", "heun", "logrho"],
      predict_x0: [true],
      disable_corrector: [[]],
      solver_p: [null],
    },
  },
  LCMScheduler: {
    defaults: {
      ...clipping,
      beta_start: 0.00085,
      beta_end: 0.012,
      beta_schedule: "scaled_linear",
      original_inference_steps: 50,
      timestep_scaling: 10,
    },
    only: noThresholding,
  },
} as const satisfies Record<string, SchedulerClass>;

/**
 * Fills in what the config's class means by keys left out and drops what it does not read. Throws
 * InstructCvError("config") for an unknown class and for a value that cannot be honoured.
 */
export function resolveConfig(config: SchedulerConfig): ResolvedConfig {
  const name = knownClass(config._class_name);
  const { defaults, only }: SchedulerClass = schedulerClasses[name];
  const given: Record<string, unknown> = { ...defaults, ...withoutUndefined(config) };
  for (const [key, allowed] of Object.entries(only)) {
    const shown = allowed.map((value) => JSON.stringify(value));
    if (key in given && !shown.includes(JSON.stringify(given[key])))
      throw new InstructCvError(
        "config",
        `scheduler_config.json: ${key} of ${name} must be ${shown.join(" or ")}, found ${JSON.stringify(given[key])}.`,
        "Ask for another sampler by name, or export the checkpoint with a scheduler this version has.",
      );
  }
  const read = [...always, ...Object.keys(defaults)].filter((key) => key in given);
  return { ...base, ...Object.fromEntries(read.map((key) => [key, given[key]])) };
}

/** The class a config names; `undefined` means DDIM. Throws InstructCvError("config") for one that is not in the table. */
export function knownClass(name = "DDIMScheduler"): SchedulerClassName {
  if (Object.hasOwn(schedulerClasses, name)) return name as SchedulerClassName;
  throw new InstructCvError(
    "config",
    `scheduler_config.json: _class_name ${JSON.stringify(name)} has no sampler here.`,
    `Ask for a sampler by name, or use one of ${Object.keys(schedulerClasses).join(", ")}.`,
  );
}

function withoutUndefined(config: SchedulerConfig): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}
