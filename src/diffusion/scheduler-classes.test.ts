/** diffusers' scheduler configs: which sampler they stand for, what they mean by keys left out, what is refused. */
import { describe, expect, it } from "vitest";
import { defaultsSchema, schedulerConfigSchema } from "../checkpoints/configs.js";
import { configFor, samplerFor, samplerNames, samplerSummaries } from "./samplers/registry.js";
import { makeSchedule, type SchedulerConfig } from "./schedule.js";
import { schedulerClasses } from "./scheduler-classes.js";

const plain = { betas: [0.0001, 0.02], clip: null, karras: false, spacing: "linspace" };

describe("scheduler classes", () => {
  it.each([
    [undefined, "ddim", { ...plain, clip: 1, spacing: "leading" }],
    ["DDIMScheduler", "ddim", { ...plain, clip: 1, spacing: "leading" }],
    ["DDPMScheduler", "ddim", { ...plain, clip: 1, spacing: "leading" }],
    ["PNDMScheduler", "plms", { ...plain, spacing: "leading" }],
    ["EulerDiscreteScheduler", "euler", plain],
    ["EulerAncestralDiscreteScheduler", "euler-ancestral", plain],
    ["HeunDiscreteScheduler", "heun", { ...plain, betas: [0.00085, 0.012] }],
    ["DPMSolverMultistepScheduler", "dpm++2m", plain],
    ["UniPCMultistepScheduler", "unipc", plain],
    ["LCMScheduler", "lcm", { ...plain, betas: [0.00085, 0.012], spacing: "leading" }],
  ])("%s is sampled with %s and has its class's defaults", (className, sampler, expected) => {
    expect(samplerFor(className)).toBe(sampler);
    const { alphasCumprod, clip, karras, spacing } = makeSchedule({
      ...(className && { _class_name: className }),
      ...(className === "PNDMScheduler" && { skip_prk_steps: true }),
    });
    const last = 1 - alphasCumprod.at(-1)! / alphasCumprod.at(-2)!;
    const betas = [1 - alphasCumprod[0]!, last].map((beta) => Number(beta.toFixed(9)));
    expect({ betas, clip, karras, spacing }).toEqual(expected);
  });

  it("reads what the class reads and nothing else, as diffusers does", () => {
    // timbrooks/instruct-pix2pix: keys of DDIM and PNDM under a class that does not read them.
    const pix2pix = {
      _class_name: "EulerAncestralDiscreteScheduler",
      beta_end: 0.012,
      beta_schedule: "scaled_linear",
      beta_start: 0.00085,
      clip_sample: true,
      num_train_timesteps: 1000,
      prediction_type: "epsilon",
      set_alpha_to_one: false,
      skip_prk_steps: false,
      steps_offset: 1,
      trained_betas: null,
      use_karras_sigmas: true,
    } as const;
    expect(makeSchedule(pix2pix)).toMatchObject({ clip: null, karras: false, spacing: "linspace", stepsOffset: 1 });
    expect(makeSchedule({ ...pix2pix, _class_name: "EulerDiscreteScheduler" }).karras).toBe(true);
    expect(makeSchedule({ ...pix2pix, _class_name: "HeunDiscreteScheduler" })).toMatchObject({ clip: 1, karras: true });
  });

  it("hands the solvers' keys on", () => {
    const solver = {
      solver_order: 1,
      lower_order_final: false,
      euler_at_final: true,
      final_sigmas_type: "sigma_min",
    } as const;
    expect(makeSchedule({ _class_name: "DPMSolverMultistepScheduler", ...solver })).toMatchObject({
      solver: { order: 1, lowerOrderFinal: false, eulerAtFinal: true },
      finalSigma: "sigma_min",
    });
    const lcm = { _class_name: "LCMScheduler", original_inference_steps: 40, timestep_scaling: 5 };
    expect(makeSchedule(lcm).consistency).toEqual({ originalSteps: 40, timestepScaling: 5 });
  });

  it.each<[SchedulerConfig, string]>([
    [{ _class_name: "LMSDiscreteScheduler" }, '_class_name "LMSDiscreteScheduler" has no sampler here.'],
    [{ _class_name: "toString" }, '_class_name "toString" has no sampler here.'],
    [{ _class_name: "PNDMScheduler" }, "skip_prk_steps of PNDMScheduler must be true, found false."],
    [
      { _class_name: "DPMSolverMultistepScheduler", algorithm_type: "sde-dpmsolver++" },
      'algorithm_type of DPMSolverMultistepScheduler must be "dpmsolver++" or "deis", found "sde-dpmsolver++".',
    ],
    [
      { _class_name: "DPMSolverMultistepScheduler", solver_order: 3 },
      "solver_order of DPMSolverMultistepScheduler must be 1 or 2, found 3.",
    ],
    [{ _class_name: "DPMSolverMultistepScheduler", solver_type: "heun" }, "solver_type of"],
    [{ _class_name: "DPMSolverMultistepScheduler", lambda_min_clipped: -5.1 }, "lambda_min_clipped of"],
    [{ _class_name: "DPMSolverMultistepScheduler", use_lu_lambdas: true }, "use_lu_lambdas of"],
    [
      { _class_name: "UniPCMultistepScheduler", predict_x0: false },
      "predict_x0 of UniPCMultistepScheduler must be true",
    ],
    [{ _class_name: "UniPCMultistepScheduler", disable_corrector: [0] }, "disable_corrector of UniPC"],
    [{ _class_name: "UniPCMultistepScheduler", solver_type: "bh1" }, "solver_type of"],
    [{ _class_name: "UniPCMultistepScheduler", use_flow_sigmas: true }, "use_flow_sigmas of"],
    [{ _class_name: "EulerDiscreteScheduler", use_beta_sigmas: true }, "use_beta_sigmas of EulerDiscreteScheduler"],
    [{ _class_name: "EulerDiscreteScheduler", timestep_type: "continuous" }, "timestep_type of"],
    [{ _class_name: "EulerDiscreteScheduler", sigma_max: 700 }, "sigma_max of EulerDiscreteScheduler must be null"],
    [{ _class_name: "HeunDiscreteScheduler", use_exponential_sigmas: true }, "use_exponential_sigmas of"],
    [{ _class_name: "DDPMScheduler", variance_type: "learned_range" }, "variance_type of DDPMScheduler"],
    [{ thresholding: true }, "thresholding of DDIMScheduler must be false, found true."],
    [{ prediction_type: "flow_prediction" as never }, "prediction_type must be one of epsilon, sample, v_prediction"],
    [{ timestep_spacing: "even" as never }, "timestep_spacing must be one of"],
    [{ beta_schedule: "sigmoid" as never }, "beta_schedule must be one of"],
  ])("refuses %j", (config, message) => {
    expect(() => makeSchedule(config)).toThrow(`scheduler_config.json: ${message}`);
  });

  it("accepts a complete config that diffusers 0.42 writes for DPM-Solver++", () => {
    const written = {
      _class_name: "DPMSolverMultistepScheduler",
      ...{ algorithm_type: "dpmsolver++", beta_end: 0.02, beta_schedule: "linear", beta_start: 0.0001 },
      ...{ euler_at_final: false, final_sigmas_type: "zero", lambda_min_clipped: Number.NEGATIVE_INFINITY },
      ...{ lower_order_final: true, num_train_timesteps: 1000, prediction_type: "epsilon", solver_order: 2 },
      ...{ solver_type: "midpoint", steps_offset: 0, thresholding: false, timestep_spacing: "linspace" },
      ...{ trained_betas: null, use_beta_sigmas: false, use_exponential_sigmas: false, use_flow_sigmas: false },
      ...{ use_karras_sigmas: false, use_lu_lambdas: false, variance_type: null, rescale_betas_zero_snr: false },
    };
    const bare = makeSchedule({ _class_name: "DPMSolverMultistepScheduler" });
    expect(makeSchedule(schedulerConfigSchema.parse(written))).toEqual(bare);
  });
});

describe("another sampler than a checkpoint's own", () => {
  const pndm: SchedulerConfig = {
    _class_name: "PNDMScheduler",
    beta_schedule: "scaled_linear",
    steps_offset: 1,
    clip_sample: false,
  };

  it("reads the config as its own class would", () => {
    expect(makeSchedule(configFor(pndm, "euler"))).toMatchObject({ spacing: "linspace", stepsOffset: 1, clip: null });
    expect(makeSchedule(configFor(pndm, "ddim"))).toMatchObject({
      spacing: "leading",
      finalAlphaCumprod: 1,
      clip: null,
    });
    expect(makeSchedule(configFor({ beta_start: 0.001 }, "plms")).finalAlphaCumprod).toBe(1 - 0.001);
    const foreign = { _class_name: "LMSDiscreteScheduler", use_beta_sigmas: true };
    expect(makeSchedule(configFor(foreign, "ddim")).spacing).toBe("leading");
  });

  it("leaves a config of its own as it is", () => {
    const ddpm = { _class_name: "DDPMScheduler" };
    expect(configFor(ddpm, "ddim")).toBe(ddpm);
  });

  it("gives every sampler a class that stands for it, a summary, and a place in instructcv.json", () => {
    for (const name of samplerNames) {
      const config = configFor({}, name);
      expect(samplerFor(config._class_name)).toBe(name);
      expect(makeSchedule(config).length).toBe(1000);
      expect(samplerSummaries[name]).toMatch(/^\S.{20,100}[^.]$/);
      expect(defaultsSchema.parse({ sampler: name }).sampler).toBe(name);
    }
    expect(() => defaultsSchema.parse({ sampler: "lms" })).toThrow();
  });

  it("has a key in the checkpoint's schema for every key a class reads or refuses", () => {
    const known = Object.keys(schedulerConfigSchema.shape);
    const keys = Object.values(schedulerClasses).flatMap(({ defaults, only }) => [defaults, only].flatMap(Object.keys));
    expect(keys.filter((key) => !known.includes(key))).toEqual([]);
  });
});
