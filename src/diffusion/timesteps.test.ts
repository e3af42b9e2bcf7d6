/** The timesteps of every sampler against diffusers (scripts/oracles/schedulers.py) and against exact integer arithmetic. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { assert, constantFrom, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { consistencyTimesteps } from "./samplers/lcm.js";
import { makeSchedule, type Schedule, type TimestepSpacing, timesteps } from "./schedule.js";
import { eulerSteps, multistepSteps } from "./sigmas.js";

type Family = "ddim" | "euler" | "multistep" | "lcm";
interface Golden {
  spacings: { family: Family; spacing: TimestepSpacing; steps: number; head: number[]; tail: number[]; sum: number }[];
  digests: { family: Family; spacing: TimestepSpacing; last: number; sha256: string }[];
}
const golden: Golden = JSON.parse(
  readFileSync(new URL("../../tests/goldens/schedulers.golden.json", import.meta.url), "utf8"),
);

const families: Record<Family, (schedule: Schedule, steps: number) => readonly number[]> = {
  ddim: timesteps,
  euler: (schedule, steps) => eulerSteps(schedule, steps).timesteps,
  multistep: (schedule, steps) => multistepSteps(schedule, steps).timesteps,
  lcm: consistencyTimesteps,
};

/** The golden file holds ten digits. */
const near = (t: number) => expect.closeTo(t, 6);

/** Whether t may be timestep i of so many: within half of the exact fraction (either way where it ends in a half), in whole numbers. */
function isTableTwo(spacing: TimestepSpacing, T: number, steps: number, offset: number, i: number, t: number): boolean {
  if (!Number.isInteger(t) || t < 0 || t >= T) return false;
  const left = steps - i;
  if (spacing === "leading") return t === (left - 1) * Math.floor(T / steps) + offset;
  if (spacing === "trailing") return 2 * Math.abs((t + 1) * steps - T * left) <= steps;
  return steps === 1 ? t === 0 : 2 * Math.abs(t * (steps - 1) - (T - 1) * (left - 1)) <= steps - 1;
}

describe("timesteps", () => {
  it.each(golden.spacings)(
    "of $family, $spacing, $steps of them, are diffusers'",
    ({ family, spacing, steps, ...expected }) => {
      const found = families[family](makeSchedule({ timestep_spacing: spacing }), steps);
      expect(found).toHaveLength(steps);
      expect(found.slice(0, 6)).toEqual(expected.head.map(near));
      expect(found.slice(-6)).toEqual(expected.tail.map(near));
      expect(found.reduce((a, b) => a + b, 0)).toBeCloseTo(expected.sum, 3);
    },
  );

  it.each(golden.digests)(
    "of $family, $spacing, are diffusers' for every count from 1 to $last",
    ({ family, spacing, last, sha256 }) => {
      const schedule = makeSchedule({ timestep_spacing: spacing });
      const hash = createHash("sha256");
      for (let steps = 1; steps <= last; steps++) hash.update(Float32Array.from(families[family](schedule, steps)));
      expect(hash.digest("hex")).toBe(sha256);
    },
  );

  it("follow Lin et al.'s table 2 for any training length, count and offset", () => {
    const cases = property(
      constantFrom<TimestepSpacing>("leading", "linspace", "trailing"),
      integer({ min: 1, max: 1000 }),
      integer({ min: 0, max: 999 }),
      integer({ min: 0, max: 1 }),
      (spacing, T, spared, offset) => {
        const steps = 1 + (spared % T);
        const schedule = makeSchedule({ timestep_spacing: spacing, num_train_timesteps: T, steps_offset: offset });
        const stride = Math.floor(T / steps);
        if (spacing === "leading" && (steps - 1) * stride + offset >= T) {
          expect(() => timesteps(schedule, steps)).toThrow(/start at timestep/);
          return;
        }
        const found = timesteps(schedule, steps);
        expect(found).toHaveLength(steps);
        expect(found.filter((t, i) => !isTableTwo(spacing, T, steps, offset, i, t))).toEqual([]);
        expect(found.every((t, i) => i === 0 || t < found[i - 1]!)).toBe(true);
      },
    );
    assert(cases, { numRuns: 1000 });
  });

  it.each<TimestepSpacing>(["leading", "linspace", "trailing"])("follow it for all 1000 counts, %s", (spacing) => {
    const schedule = makeSchedule({ timestep_spacing: spacing });
    for (let steps = 1; steps <= 1000; steps++) {
      const found = timesteps(schedule, steps);
      expect(found).toHaveLength(steps);
      expect(found.filter((t, i) => !isTableTwo(spacing, 1000, steps, 0, i, t))).toEqual([]);
    }
  });

  it("of too many steps are refused", () => {
    const plain = makeSchedule({});
    expect(() => timesteps(plain, 0)).toThrow(/steps must be an integer from 1 to 1000, found 0/);
    expect(() => timesteps(plain, 1001)).toThrow(/found 1001/);
    expect(() => timesteps(plain, 2.5)).toThrow(/found 2.5/);
    expect(() => timesteps(makeSchedule({ steps_offset: 1 }), 1000)).toThrow(/start at timestep 1000, the last is 999/);
    expect(() => multistepSteps(plain, 1000)).toThrow(/from 1 to 999 for this sampler/);
    expect(multistepSteps(makeSchedule({ timestep_spacing: "trailing" }), 1000).timesteps).toHaveLength(1000);
    expect(() => consistencyTimesteps(plain, 51)).toThrow(/steps of lcm must be an integer from 1 to 50, found 51/);
    const few = makeSchedule({ _class_name: "LCMScheduler", num_train_timesteps: 40 });
    expect(() => consistencyTimesteps(few, 4)).toThrow(/original_inference_steps must be at most 40, found 50/);
  });
});
