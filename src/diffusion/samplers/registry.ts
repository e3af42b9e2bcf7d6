/** The samplers by name, and the one a diffusers scheduler class stands for. */
import { knownClass, type SchedulerClassName, type SchedulerConfig } from "../scheduler-classes.js";
import { ddim } from "./ddim.js";
import { dpmpp2m } from "./dpmpp-2m.js";
import { euler, eulerAncestral } from "./euler.js";
import { heun } from "./heun.js";
import { lcm } from "./lcm.js";
import { plms } from "./plms.js";
import type { Sampler } from "./sampler.js";
import { unipc } from "./unipc.js";

const byName = {
  ddim,
  plms,
  euler,
  "euler-ancestral": eulerAncestral,
  heun,
  "dpm++2m": dpmpp2m,
  unipc,
  lcm,
} satisfies Record<string, Sampler>;

export type SamplerName = keyof typeof byName;

export const samplers: Readonly<Record<SamplerName, Sampler>> = byName;

/** In the order help texts list them. */
export const samplerNames = Object.keys(byName) as readonly SamplerName[];

/** A line each for help texts. */
export const samplerSummaries: Readonly<Record<SamplerName, string>> = {
  ddim: "deterministic; 1 to 4 steps for models trained on trailing timesteps, else 20 to 50",
  plms: "deterministic, fourth order; what plain Stable Diffusion checkpoints name; 25 to 50 steps",
  euler: "deterministic, first order; 20 to 50 steps",
  "euler-ancestral": "adds fresh noise at each step; the paper's sampler, 50 to 100 steps",
  heun: "deterministic, second order, two evaluations a step; 10 to 30 steps",
  "dpm++2m": "deterministic, second order; 10 to 25 steps",
  unipc: "deterministic, second order with a corrector; 8 to 20 steps",
  lcm: "adds fresh noise between steps; 1 to 8 steps, only for models distilled for it",
};

/** DDPM describes the same noise process as DDIM; such checkpoints are sampled with DDIM here. */
const byClass: Readonly<Record<SchedulerClassName, SamplerName>> = {
  DDIMScheduler: "ddim",
  DDPMScheduler: "ddim",
  PNDMScheduler: "plms",
  EulerDiscreteScheduler: "euler",
  EulerAncestralDiscreteScheduler: "euler-ancestral",
  HeunDiscreteScheduler: "heun",
  DPMSolverMultistepScheduler: "dpm++2m",
  UniPCMultistepScheduler: "unipc",
  LCMScheduler: "lcm",
};

/** `_class_name` of scheduler_config.json to a sampler; `undefined` means DDIM. Throws InstructCvError("config"). */
export function samplerFor(className?: string): SamplerName {
  return byClass[knownClass(className)];
}

/** The diffusers config that each sampler is, for checkpoints that name another. */
const ownConfig: Readonly<Record<SamplerName, SchedulerConfig>> = {
  ddim: { _class_name: "DDIMScheduler", clip_sample: false },
  plms: { _class_name: "PNDMScheduler", skip_prk_steps: true },
  euler: { _class_name: "EulerDiscreteScheduler" },
  "euler-ancestral": { _class_name: "EulerAncestralDiscreteScheduler" },
  heun: { _class_name: "HeunDiscreteScheduler" },
  "dpm++2m": { _class_name: "DPMSolverMultistepScheduler" },
  unipc: { _class_name: "UniPCMultistepScheduler" },
  lcm: { _class_name: "LCMScheduler" },
};

/**
 * A checkpoint's scheduler config as the class of `sampler` reads it, which is what diffusers' `from_config` does: keys
 * that are there count if that class reads them, those left out get its defaults, other classes' are not looked at. A config
 * that stands for `sampler` already comes back as it is. One difference: DDIM's default of clipping samples to +-1 was made for pixels,
 * it would cut latents; it holds only if the config asks for it.
 */
export function configFor(config: SchedulerConfig, sampler: SamplerName): SchedulerConfig {
  const own = byClass[(config._class_name ?? "DDIMScheduler") as SchedulerClassName] === sampler;
  return own ? config : { ...ownConfig[sampler], ...config, _class_name: ownConfig[sampler]._class_name };
}
