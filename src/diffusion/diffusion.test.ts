/** Schedules, predictions and samplers against diffusers (scripts/oracles/schedulers.py). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { guidanceWeights, guided } from "./guidance.js";
import { addNoise, levelOf, noiseLevel, targetMix, toEpsilon, toSample, velocity } from "./prediction.js";
import { samplerFor, samplers } from "./samplers/registry.js";
import {
  makeSchedule,
  type PredictionType,
  type SchedulerConfig,
  type TimestepSpacing,
  timesteps,
} from "./schedule.js";

interface Golden {
  schedules: {
    config: SchedulerConfig;
    at: number[];
    alphasCumprod: number[];
    sample: number[];
    epsilon: number[];
    noisy: number[][];
    velocity: number[][];
  }[];
  spacings: { spacing: TimestepSpacing; steps: number; count: number; head: number[]; tail: number[]; sum: number }[];
  runs: {
    config: SchedulerConfig;
    steps: number;
    eta?: number;
    timesteps: number[];
    noise: number[][];
    start: number;
    samples: number[][];
  }[];
}
const golden: Golden = JSON.parse(
  readFileSync(new URL("../../tests/goldens/schedulers.golden.json", import.meta.url), "utf8"),
);
const fakeModel = (x: Float32Array, t: number) => x.map((value) => value * Math.cos(t) + 0.1);

/** Largest difference relative to the largest magnitude among what was expected, its operands and 1. */
function relativeError(
  found: ArrayLike<number>,
  expected: readonly number[],
  operands: readonly number[] = [],
): number {
  const scale = Math.max(1, ...expected.map(Math.abs), ...operands.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(value - found[i]!))) / scale;
}

describe("schedule", () => {
  it.each(golden.schedules)("equals DDPMScheduler $config", ({ config, at, ...expected }) => {
    const schedule = makeSchedule(config);
    const found = at.map((t) => schedule.alphasCumprod[t]!);
    expect(relativeError(found, expected.alphasCumprod)).toBeLessThan(1e-6);
    const [sample, epsilon] = [Float32Array.from(expected.sample), Float32Array.from(expected.epsilon)];
    for (const [i, t] of at.entries()) {
      const level = noiseLevel(schedule, t);
      expect(relativeError(addNoise(sample, epsilon, level), expected.noisy[i]!)).toBeLessThan(1e-5);
      expect(relativeError(velocity(sample, epsilon, level), expected.velocity[i]!)).toBeLessThan(1e-5);
    }
  });

  it("ends at exactly zero signal after the zero-SNR rescale and keeps the first step", () => {
    const config = { beta_schedule: "scaled_linear", beta_start: 0.00085, beta_end: 0.012 } as const;
    const plain = makeSchedule(config).alphasCumprod;
    const rescaled = makeSchedule({ ...config, rescale_betas_zero_snr: true }).alphasCumprod;
    expect(rescaled.at(-1)).toBe(0);
    expect(rescaled[0]).toBeCloseTo(plain[0]!, 12);
  });

  it.each(golden.spacings)(
    "visits diffusers' $spacing timesteps, $steps of them",
    ({ spacing, steps, count, head, tail, sum }) => {
      const found = timesteps(makeSchedule({}), steps, spacing);
      expect(found).toHaveLength(count);
      expect(found.slice(0, 12)).toEqual(head);
      expect(found.slice(-12)).toEqual(tail);
      expect(found.reduce((a, b) => a + b, 0)).toBe(sum);
    },
  );

  it("refuses what it cannot honour", () => {
    expect(() => makeSchedule({ beta_schedule: "sigmoid" as never })).toThrow(/beta_schedule must be one of/);
    expect(() => timesteps(makeSchedule({}), 0)).toThrow(/steps must be an integer from 1 to 1000, found 0/);
    expect(() => samplerFor("LCMScheduler")).toThrow(/has no sampler here/);
  });
});

describe("prediction", () => {
  const sample = Float32Array.of(0.5, -1, 0.25);
  const epsilon = Float32Array.of(-0.3, 0.7, 1.4);
  it.each<PredictionType>(["epsilon", "sample", "v_prediction"])(
    "reads sample and noise back from a perfect %s",
    (type) => {
      const level = levelOf(0.3);
      const noisy = addNoise(sample, epsilon, level);
      const { a, b } = targetMix(type, level);
      const output = sample.map((x, i) => a * x + b * epsilon[i]!);
      expect(relativeError(toSample(type, level, output, noisy), [...sample])).toBeLessThan(1e-6);
      expect(relativeError(toEpsilon(type, level, output, noisy), [...epsilon])).toBeLessThan(1e-6);
    },
  );

  it("is the sample itself at zero SNR, and no sample at all for epsilon", () => {
    const output = Float32Array.of(1, 2);
    expect([...toSample("sample", levelOf(0), output, Float32Array.of(9, 9))]).toEqual([1, 2]);
    expect([...toSample("v_prediction", levelOf(0), output, Float32Array.of(9, 9))]).toEqual([-1, -2]);
    expect(() => toSample("epsilon", levelOf(0), output, output)).toThrow(/zero terminal SNR/);
  });
});

describe("samplers", () => {
  it.each(golden.runs)("follows $config._class_name, $steps steps, $config.prediction_type", async (run) => {
    const { config, steps, eta } = run;
    const schedule = makeSchedule(config);
    const recorded = run.noise.slice(1).flat().values();
    const samples: Float32Array[] = [];
    const visited: number[] = [];
    const result = await samplers[samplerFor(config._class_name)](
      schedule,
      fakeModel,
      Float32Array.from(run.noise[0]!),
      {
        steps,
        eta,
        noise: () => recorded.next().value!,
        onStep: (step) => {
          samples.push(step.sample);
          visited.push(step.timestep);
        },
      },
    );
    expect(visited).toEqual(run.timesteps);
    // diffusers steps in float32, whose rounding grows with what a step starts from (4096 for Euler at zero SNR).
    const starts = [run.noise[0]!.map((x) => x * run.start), ...run.samples];
    for (const [i, expected] of run.samples.entries())
      expect(relativeError(samples[i]!, expected, starts[i])).toBeLessThan(1e-5);
    expect(result).toEqual(samples.at(-1));
  });

  it("leaves its input alone, needs noise for eta, and stops when told to", async () => {
    const schedule = makeSchedule({ prediction_type: "sample" });
    const initial = Float32Array.of(1, -1);
    await samplers.ddim(schedule, fakeModel, initial, { steps: 3 });
    expect([...initial]).toEqual([1, -1]);
    await expect(samplers.ddim(schedule, fakeModel, initial, { steps: 3, eta: 1 })).rejects.toThrow(/source of noise/);
    await expect(samplers["euler-ancestral"](schedule, fakeModel, initial, { steps: 3 })).rejects.toThrow(
      /source of noise/,
    );
    const controller = new AbortController();
    let evaluations = 0;
    const countedModel = (x: Float32Array) => {
      evaluations++;
      return x;
    };
    const run = samplers.ddim(schedule, countedModel, initial, {
      steps: 10,
      signal: controller.signal,
      onStep: ({ step }) => {
        if (step === 2) controller.abort(new Error("enough"));
      },
    });
    await expect(run).rejects.toThrow("enough");
    expect(evaluations).toBe(2);
  });
});

describe("guidance", () => {
  const outputs = { none: 1, image: 3, both: 10 };
  const asked: string[][] = [];
  const model = (noisy: Float32Array, _t: number, conditions: readonly (keyof typeof outputs)[]) => {
    asked.push([...conditions]);
    return conditions.map((condition) => noisy.map(() => outputs[condition]));
  };
  it("is e00 + sI (eI0 - e00) + sT (eIT - eI0)", async () => {
    const [e] = await guided(model, { text: 7.5, image: 1.5 })(Float32Array.of(0), 5);
    expect(e).toBe(1 + 1.5 * (3 - 1) + 7.5 * (10 - 3));
  });
  it("evaluates only what has weight", async () => {
    asked.length = 0;
    expect([...(await guided(model, { text: 1, image: 1 })(Float32Array.of(0), 5))]).toEqual([10]);
    expect([...(await guided(model, { text: 2, image: 1 })(Float32Array.of(0), 5))]).toEqual([17]);
    expect(asked).toEqual([["both"], ["image", "both"]]);
    expect(guidanceWeights({ text: 2, image: 2 }).map(({ condition }) => condition)).toEqual(["none", "both"]);
  });
});
