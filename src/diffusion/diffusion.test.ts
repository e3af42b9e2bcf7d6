/** Schedules and predictions against diffusers (scripts/oracles/schedulers.py). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { addNoise, levelOf, noiseLevel, targetMix, toEpsilon, toSample, velocity } from "./prediction.js";
import { makeSchedule, type PredictionType, type SchedulerConfig } from "./schedule.js";

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
}
const golden: Golden = JSON.parse(
  readFileSync(new URL("../../tests/goldens/schedulers.golden.json", import.meta.url), "utf8"),
);

/** Largest difference relative to the largest magnitude among what was expected and 1. */
function relativeError(found: ArrayLike<number>, expected: readonly number[]): number {
  const scale = Math.max(1, ...expected.map(Math.abs));
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
