/** Every sampler against diffusers' trajectories and k-diffusion's formulas (scripts/oracles/schedulers.py). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { makeSchedule, type SchedulerConfig } from "../schedule.js";
import { samplerFor, samplers } from "./registry.js";

interface Run {
  config: SchedulerConfig;
  steps: number;
  eta?: number;
  timesteps: number[];
  told: number[];
  noise: number[][];
  /** The samples after each step as diffusers' code computes them; empty where its class refuses. */
  samples: number[][];
  /** The final sample by k-diffusion's formula in double precision. */
  kDiffusion?: number[];
}
const golden: { runs: Run[] } = JSON.parse(
  readFileSync(new URL("../../../tests/goldens/schedulers.golden.json", import.meta.url), "utf8"),
);
const fakeModel = (x: Float32Array, t: number) => x.map((value) => value * Math.cos(t) + 0.1);

/** Largest difference relative to the largest magnitude among what was expected and 1. */
function relativeError(found: ArrayLike<number>, expected: readonly number[]): number {
  const scale = Math.max(1, ...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(value - found[i]!))) / scale;
}

async function follow(run: Run) {
  const { config, steps, eta } = run;
  const recorded = run.noise.slice(1).flat().values();
  const told: number[] = [];
  const reported: { step: number; steps: number; timestep: number; sample: Float32Array; denoised: Float32Array }[] =
    [];
  const result = await samplers[samplerFor(config._class_name)](
    makeSchedule(config),
    (x, t) => {
      told.push(t);
      return fakeModel(x, t);
    },
    Float32Array.from(run.noise[0]!),
    {
      steps,
      ...(eta !== undefined && { eta }),
      noise: () => recorded.next().value!,
      onStep: (step) => void reported.push(step),
    },
  );
  return { told, reported, result };
}

const named = golden.runs.map((run) => {
  const { _class_name, num_train_timesteps, beta_start, beta_end, beta_schedule, ...rest } = run.config;
  return { ...run, label: `${_class_name}, ${run.steps} steps, ${JSON.stringify(rest)}` };
});

describe("samplers", () => {
  it.each(named)("follow $label", async (run) => {
    const { told, reported, result } = await follow(run);
    /** The golden file holds ten digits. */
    const near = (t: number) => expect.closeTo(t, 6);
    expect(told).toEqual(run.told.map(near));
    expect(reported.map(({ timestep }) => timestep)).toEqual(run.timesteps.map(near));
    expect(reported.map(({ step }) => step)).toEqual(run.timesteps.map((_, i) => i + 1));
    expect(reported.every(({ steps }) => steps === run.steps)).toBe(true);
    for (const [i, expected] of run.samples.entries()) {
      expect(relativeError(reported[i]!.sample, expected)).toBeLessThan(2e-6);
    }
    if (run.kDiffusion) expect(relativeError(result, run.kDiffusion)).toBeLessThan(2e-6);
    expect(result).toEqual(reported.at(-1)!.sample);
  });
});
