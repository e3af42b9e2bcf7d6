/** Bootstrap intervals where their distribution is known, and of pooled metrics. */
import { describe, expect, it } from "vitest";
import { createRng } from "../../random.js";
import { bootstrap, pairedBootstrap, quantile } from "./bootstrap.js";
import { matchBoxes } from "./box-matching.js";
import { addSums, depthSums, errorsOf, noSums } from "./depth.js";
import { ALL_AREAS, COCO_IOUS, scoreMatchings } from "./detection.js";
import { cumulativeIou } from "./referred.js";
import { mean } from "./statistics.js";

describe("bootstrap", () => {
  it("draws two images as often together as alone", () => {
    // The mean of a draw from {0, 1} is 0, 1/2, 1 with probability 1/4, 1/2, 1/4.
    const seen = new Map<number, number>();
    bootstrap(
      [0, 1],
      (sample) => {
        seen.set(mean(sample), (seen.get(mean(sample)) ?? 0) + 1);
        return mean(sample);
      },
      { resamples: 4000 },
    );
    expect(seen.get(0)! / 4001).toBeCloseTo(0.25, 1);
    expect(seen.get(0.5)! / 4001).toBeCloseTo(0.5, 1);
    expect(seen.get(1)! / 4001).toBeCloseTo(0.25, 1);
  });

  it("covers the true mean about as often as it says", () => {
    const rng = createRng("coverage");
    let covered = 0;
    for (let k = 0; k < 200; k++) {
      const images = Array.from({ length: 40 }, () => rng.normal());
      const { low, high } = bootstrap(images, mean, { seed: k, resamples: 400, level: 0.9 });
      if (low <= 0 && 0 <= high) covered++;
    }
    // 0.9 +- 3 standard errors of 200 trials, less the little that the percentile method lacks at 40 images.
    expect(covered / 200).toBeGreaterThan(0.82);
    expect(covered / 200).toBeLessThan(0.97);
  });

  it("is the same for the same seed, and has no width when all images are alike", () => {
    const images = [1, 5, 2, 8, 4];
    expect(bootstrap(images, mean, { seed: 3 })).toEqual(bootstrap(images, mean, { seed: 3 }));
    expect(bootstrap(images, mean, { seed: 3 })).not.toEqual(bootstrap(images, mean, { seed: 4 }));
    expect(bootstrap([2, 2, 2], mean)).toEqual({ value: 2, low: 2, high: 2, resamples: 1000 });
  });

  it("recomputes pooled metrics, not means of images", () => {
    const overlaps = [
      { intersection: 90, union: 100 },
      { intersection: 0, union: 10 },
    ];
    const { value, low, high } = bootstrap(overlaps, cumulativeIou);
    expect([value, low, high]).toEqual([90 / 110, 0, 0.9]);
    const sums = [1, 2, 3].map((p) => depthSums(Float32Array.of(p), Float32Array.of(1)));
    const rmse = (sample: readonly (typeof sums)[number][]) => {
      const total = noSums();
      for (const one of sample) addSums(total, one);
      return errorsOf(total).rmse;
    };
    expect(bootstrap(sums, rmse)).toMatchObject({ value: Math.sqrt(5 / 3), low: 0, high: 2 });
  });

  it("leaves out draws in which nothing can be measured, and counts the others", () => {
    const options = { ious: COCO_IOUS, maxDets: 100, area: ALL_AREAS };
    const box = [0, 0, 9, 9] as const;
    const seen = { category: "dog", truths: [{ xyxy: box }], found: [{ xyxy: box, score: 1 }] };
    const images = [matchBoxes(seen, options), matchBoxes({ category: "dog", truths: [], found: [] }, options)];
    const { value, low, resamples } = bootstrap(images, (sample) => scoreMatchings(sample).ap);
    expect(value).toBeCloseTo(1, 9);
    expect(low).toBeCloseTo(1, 9);
    expect(resamples / 1000).toBeCloseTo(0.75, 1);
    expect(bootstrap([], mean)).toMatchObject({ value: Number.NaN, low: Number.NaN, resamples: 0 });
  });
});

describe("pairedBootstrap", () => {
  it("sees a small difference that is the same on every image, which two intervals would not", () => {
    const b = Array.from({ length: 30 }, (_, i) => i);
    const a = b.map((value) => value + 0.1);
    const paired = pairedBootstrap(a, b, mean);
    expect(paired.low).toBeCloseTo(0.1, 9);
    expect(paired.high).toBeCloseTo(0.1, 9);
    expect(paired.wrongSign).toBe(0);
    expect(bootstrap(a, mean).low).toBeLessThan(bootstrap(b, mean).value);
  });
  it("does not call luck a difference", () => {
    const rng = createRng("luck");
    const draw = () => Array.from({ length: 30 }, () => rng.normal());
    const { low, high, wrongSign } = pairedBootstrap(draw(), draw(), mean);
    expect(low).toBeLessThan(0);
    expect(high).toBeGreaterThan(0);
    expect(wrongSign).toBeGreaterThan(0.02);
  });
  it("needs the same images", () => {
    expect(() => pairedBootstrap([1], [1, 2], mean)).toThrow(/same images twice, found 1 and 2/);
  });
});

it("quantile lies between order statistics", () => {
  expect([0, 0.25, 0.5, 1].map((share) => quantile([0, 1, 2, 10], share))).toEqual([0, 0.75, 1.5, 10]);
});
