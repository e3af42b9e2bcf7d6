/** What holds for every sampler: a perfect model is recovered, the caller's data stay, noise is asked for, abort is prompt. */
import { describe, expect, it } from "vitest";
import { addNoise, levelOfSigma, noiseLevel, targetMix } from "../prediction.js";
import { makeSchedule, type PredictionType, type Schedule, type TimestepSpacing } from "../schedule.js";
import { sigmaAt } from "../sigmas.js";
import { configFor, type SamplerName, samplerNames, samplers } from "./registry.js";
import type { DenoiseModel } from "./sampler.js";

const clean = Float32Array.of(0.8, -0.3, 0.05, -0.9);
const initial = Float32Array.of(1.2, -0.4, 0.3, -2);
const sigmaSpace = new Set<SamplerName>(["euler", "euler-ancestral", "heun", "dpm++2m", "unipc"]);

/** A network that knows the clean sample. */
function perfect(schedule: Schedule, sampler: SamplerName): DenoiseModel {
  return (noisy, timestep) => {
    const level = sigmaSpace.has(sampler) ? levelOfSigma(sigmaAt(schedule, timestep)) : noiseLevel(schedule, timestep);
    const { a, b } = targetMix(schedule.predictionType, level);
    return noisy.map((x, i) => a * clean[i]! + (b * (x - level.signal * clean[i]!)) / level.noise);
  };
}

function scheduleOf(sampler: SamplerName, type: PredictionType, spacing: TimestepSpacing, zeroSnr: boolean): Schedule {
  const config = {
    beta_schedule: "scaled_linear",
    beta_start: 0.00085,
    beta_end: 0.012,
    prediction_type: type,
    timestep_spacing: spacing,
    clip_sample: false,
    set_alpha_to_one: true,
    rescale_betas_zero_snr: zeroSnr,
  } as const;
  return makeSchedule(configFor(config, sampler));
}

describe.each(samplerNames)("%s", (name) => {
  const spacings = ["leading", "linspace", "trailing"] as const;
  const types = ["epsilon", "sample", "v_prediction"] as const;
  // Counts whose last step lands on the clean sample: at 7 trailing steps diffusers' DDIM, and so ours, stops at timestep 0.
  const cases = types.flatMap((type) =>
    spacings.flatMap((spacing) =>
      [false, true].flatMap((zeroSnr) => [1, 2, 3, 8, 20].map((steps) => ({ type, spacing, zeroSnr, steps }))),
    ),
  );

  it("finds what a perfect model knows, for every prediction, spacing and terminal SNR", async () => {
    for (const { type, spacing, zeroSnr, steps } of cases) {
      if (type === "epsilon" && zeroSnr) continue;
      // PLMS mixes velocities of several levels and goes back over its first step by the even stride: its goldens cover those.
      if (name === "plms" && (type === "v_prediction" || spacing !== "leading")) continue;
      const schedule = scheduleOf(name, type, spacing, zeroSnr);
      let seed = 0;
      const noise = () => Math.sin(++seed * 12.9898) * 1.4;
      const found = await samplers[name](schedule, perfect(schedule, name), initial, { steps, noise });
      const worst = Math.max(...clean.map((x, i) => Math.abs(x - found[i]!)));
      // Single precision at a sigma of 15 to 4096 leaves that much of an epsilon's rounding.
      expect({ type, spacing, zeroSnr, steps, close: worst < 2e-5 }).toEqual({
        type,
        spacing,
        zeroSnr,
        steps,
        close: true,
      });
    }
  });

  it("refuses epsilon at zero terminal SNR", async () => {
    const schedule = scheduleOf(name, "epsilon", "trailing", true);
    const run = samplers[name](schedule, (x) => x, initial, { steps: 2, noise: () => 0 });
    await expect(run).rejects.toThrow(/zero terminal SNR/);
  });

  it("leaves its input alone and reports every step once", async () => {
    const schedule = scheduleOf(name, "sample", "trailing", false);
    const reported: number[][] = [];
    const kept = Float32Array.from(initial);
    const onStep = ({ step, steps }: { step: number; steps: number }) => void reported.push([step, steps]);
    await samplers[name](schedule, perfect(schedule, name), kept, { steps: 3, noise: () => 0.5, onStep });
    expect([...kept]).toEqual([...initial]);
    expect(reported).toEqual([1, 2, 3].map((step) => [step, 3]));
  });

  it("stops before the next evaluation once aborted", async () => {
    const schedule = scheduleOf(name, "sample", "trailing", false);
    for (let last = 0; last < 3; last++) {
      const controller = new AbortController();
      if (last === 0) controller.abort(new Error("enough"));
      let evaluations = 0;
      const model = (x: Float32Array) => {
        if (++evaluations === last) controller.abort(new Error("enough"));
        return x;
      };
      const run = samplers[name](schedule, model, initial, { steps: 3, noise: () => 0, signal: controller.signal });
      await expect(run).rejects.toThrow("enough");
      expect(evaluations).toBe(last);
    }
  });
});

it("evaluates as often as documented", async () => {
  const counted = async (name: SamplerName, steps: number) => {
    let evaluations = 0;
    const model = (x: Float32Array) => {
      evaluations++;
      return x;
    };
    await samplers[name](scheduleOf(name, "sample", "trailing", false), model, initial, { steps, noise: () => 0 });
    return evaluations;
  };
  const found = await Promise.all(
    samplerNames.map(async (name) => [name, await counted(name, 1), await counted(name, 5)]),
  );
  expect(found).toEqual([
    ["ddim", 1, 5],
    ["plms", 1, 6],
    ["euler", 1, 5],
    ["euler-ancestral", 1, 5],
    ["heun", 1, 9],
    ["dpm++2m", 1, 5],
    ["unipc", 1, 5],
    ["lcm", 1, 5],
  ]);
});

it("asks for a source of noise where it adds any", async () => {
  const schedule = scheduleOf("ddim", "sample", "trailing", false);
  const run = (name: SamplerName, steps: number, eta?: number) =>
    samplers[name](schedule, (x) => x, initial, { steps, ...(eta !== undefined && { eta }) });
  await expect(run("ddim", 3, 1)).rejects.toThrow("ddim with eta > 0 needs a source of noise.");
  await expect(run("euler-ancestral", 3)).rejects.toThrow("euler-ancestral with eta > 0 needs a source of noise.");
  await expect(run("lcm", 2)).rejects.toThrow("lcm with more than one step needs a source of noise.");
  await expect(run("lcm", 1)).resolves.toHaveLength(initial.length);
  expect(await run("euler-ancestral", 3, 0)).toEqual(await run("euler", 3));
});

it("adds noise to what a step leaves, one value an element", async () => {
  const zeros = new Float32Array(2);
  const schedule = scheduleOf("lcm", "sample", "trailing", false);
  let drawn = 0;
  const seen: Float32Array[] = [];
  const model = (x: Float32Array) => {
    seen.push(x);
    return zeros;
  };
  await samplers.lcm(schedule, model, zeros, { steps: 2, noise: () => ++drawn });
  expect(drawn).toBe(2);
  const level = noiseLevel(schedule, 499);
  expect(seen[1]).toEqual(addNoise(zeros, Float32Array.of(1, 2), level));
});
