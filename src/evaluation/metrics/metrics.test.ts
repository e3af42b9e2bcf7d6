/** Depth, segmentation and classification metrics by hand, and what the authors' evaluators make of a constant answer. */
import { describe, expect, it } from "vitest";
import { PresenceMeter } from "./classification.js";
import { DepthMeter } from "./depth.js";
import { IouMeter } from "./segmentation.js";

const metres = (...values: number[]) => Float32Array.from(values);

describe("DepthMeter", () => {
  it("pools pixels, and also averages images", () => {
    const meter = new DepthMeter();
    meter.add(metres(1, 2, 2), { metres: metres(2, 2, 2) });
    meter.add(metres(4, 0, 0), { metres: metres(1, 9, 9) });
    expect(meter.pooled().rmse).toBeCloseTo(Math.sqrt((1 + 9) / 4), 12);
    expect(meter.perImage().rmse).toBeCloseTo((Math.sqrt(1 / 3) + 3) / 2, 12);
    expect(meter.pooled().absRel).toBeCloseTo((1 + 0.75) / 4, 12);
    expect(meter.pooled().log10).toBeCloseTo((Math.log10(2) + Math.log10(4)) / 4, 12);
    expect(meter.pooled()).toMatchObject({ delta1: 0.5, delta2: 0.5, delta3: 0.5 });
  });

  it("takes truth in (0, 10] m only and clamps what is predicted", () => {
    const meter = new DepthMeter();
    meter.add(metres(0, Number.NaN, 10.5, 10), { metres: metres(5, 5, 5, 12) });
    expect(meter.pooled()).toMatchObject({ rmse: 0, delta1: 1 });
    meter.add(metres(0, 0), { metres: metres(1, 1) });
    expect(meter.perImage().rmse).toBe(0);
    expect(() => meter.add(metres(1), { metres: metres(1, 1) })).toThrow(/expected 1 pixels.*found 2/);
  });

  it("separates the three ratios", () => {
    const meter = new DepthMeter();
    meter.add(metres(1, 1, 1, 1), { metres: metres(1.2, 1.5, 1.9, 2) });
    expect(meter.pooled()).toMatchObject({ delta1: 0.25, delta2: 0.5, delta3: 0.75 });
  });
});

describe("IouMeter", () => {
  it("sums over the dataset, skips ignored pixels and charges absent classes their false positives", () => {
    const meter = new IouMeter();
    meter.add("dog", Uint8Array.of(1, 1, 0, 255), Uint8Array.of(1, 0, 0, 1));
    meter.add("dog", Uint8Array.of(0, 0, 0, 0), Uint8Array.of(0, 0, 1, 1));
    meter.add("cat", Uint8Array.of(1, 1, 1, 1), Uint8Array.of(1, 1, 1, 1));
    meter.add("cow", Uint8Array.of(0, 0, 0, 0), Uint8Array.of(0, 0, 0, 0));
    expect(meter.pooled()).toBe(5 / 8);
    expect(Object.fromEntries(meter.perClass())).toEqual({ dog: 1 / 4, cat: 1 });
    expect(meter.meanOverClasses()).toBe(0.625);
  });
});

describe("PresenceMeter", () => {
  const fill = (answers: [string, boolean, number][]) => {
    const meter = new PresenceMeter();
    for (const [category, truth, probability] of answers)
      meter.add(category, truth, { present: probability >= 0.5, probability });
    return meter;
  };
  it("weighs present and absent alike", () => {
    const meter = fill([
      ["dog", true, 0.9],
      ["dog", true, 0.4],
      ["dog", true, 0.8],
      ["dog", false, 0.6],
    ]);
    expect(meter.accuracy()).toBe(0.5);
    expect(meter.balancedAccuracy()).toBeCloseTo((2 / 3 + 0) / 2, 12);
    expect(meter.balancedByCategory()).toBe(meter.balancedAccuracy());
    expect(meter.auc()).toBeCloseTo(2 / 3, 12);
  });
  it("gives a constant answer one half", () => {
    const meter = fill([
      ["dog", true, 0.7],
      ["dog", false, 0.7],
      ["cat", false, 0.7],
    ]);
    expect(meter.balancedAccuracy()).toBe(0.5);
    expect(meter.auc()).toBe(0.5);
  });
  it("gives an answer that depends on the question only one half, when balanced by category", () => {
    const meter = fill([
      ["dog", true, 0.9],
      ["dog", true, 0.9],
      ["dog", false, 0.9],
      ["bird", true, 0.1],
      ["bird", false, 0.1],
      ["bird", false, 0.1],
      ["cow", false, 0.1],
    ]);
    expect(meter.balancedAccuracy()).toBeGreaterThan(0.6);
    expect(meter.balancedByCategory()).toBe(0.5);
  });
});
