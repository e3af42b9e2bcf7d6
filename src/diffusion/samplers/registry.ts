/** The samplers by name, and the one a diffusers scheduler class stands for. */
import { InstructCvError } from "../../errors.js";
import { ddim } from "./ddim.js";
import { eulerAncestral } from "./euler-ancestral.js";
import type { Sampler } from "./sampler.js";

export type SamplerName = "ddim" | "euler" | "euler-ancestral";

export const samplers: Readonly<Record<SamplerName, Sampler>> = {
  ddim,
  euler: (schedule, model, initial, options) => eulerAncestral(schedule, model, initial, { ...options, eta: 0 }),
  "euler-ancestral": eulerAncestral,
};

/** DDPM and PNDM configs describe the same noise process; their checkpoints are sampled with DDIM here. */
const byClass: Readonly<Record<string, SamplerName>> = {
  DDIMScheduler: "ddim",
  DDPMScheduler: "ddim",
  PNDMScheduler: "ddim",
  EulerDiscreteScheduler: "euler",
  EulerAncestralDiscreteScheduler: "euler-ancestral",
};

/** `_class_name` of scheduler_config.json to a sampler; `undefined` means DDIM. */
export function samplerFor(className = "DDIMScheduler"): SamplerName {
  const name = byClass[className];
  if (!name)
    throw new InstructCvError(
      "config",
      `scheduler_config.json: _class_name ${JSON.stringify(className)} has no sampler here.`,
      `Use one of ${Object.keys(byClass).join(", ")}.`,
    );
  return name;
}
