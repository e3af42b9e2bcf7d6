import { expect, test } from "vitest";
import { learningRate } from "./lr.js";

const curve = { lr: 2, warmup: 0.1, schedule: "cosine", final_share: 0.1 } as const;

test("warms up linearly, then falls along a half cosine to its end", () => {
  expect(learningRate(curve, 0)).toBeCloseTo(0.02, 12);
  expect(learningRate(curve, 0.05)).toBeCloseTo(1, 12);
  expect(learningRate(curve, 0.1)).toBeCloseTo(2, 12);
  expect(learningRate(curve, 0.55)).toBeCloseTo(2 * (0.1 + 0.9 * 0.5), 12);
  expect(learningRate(curve, 1)).toBeCloseTo(0.2, 12);
  expect(learningRate(curve, 1.5)).toBeCloseTo(0.2, 12);
});

test("constant stays after the warm-up; no warm-up starts at once", () => {
  expect(learningRate({ ...curve, schedule: "constant" }, 0.99)).toBe(2);
  expect(learningRate({ ...curve, warmup: 0 }, 0)).toBe(2);
});
