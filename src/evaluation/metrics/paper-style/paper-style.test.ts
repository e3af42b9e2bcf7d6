/** How the authors' evaluators mislead: each number beside the standard one for the same answers. */
import { describe, expect, it } from "vitest";
import type { Xyxy } from "../../../tasks/task.js";
import type { ImageBoxes } from "../box-matching.js";
import { PresenceMeter } from "../classification.js";
import { DepthMeter } from "../depth.js";
import { scoreDetections } from "../detection.js";
import { IouMeter } from "../segmentation.js";
import { mean } from "../statistics.js";
import { paperAccuracy, paperBoxes, paperDepth, paperDetections, paperIou } from "./index.js";

describe("paperDepth", () => {
  const truth = Float32Array.from({ length: 1000 }, (_, i) => 0.7 + (i % 91) / 10);

  it("calls a constant 2.7 m perfect, because the floor of 2.7 is even", () => {
    const constant = new Float32Array(1000).fill(2.7);
    const meter = new DepthMeter();
    meter.add(truth, { metres: constant });
    expect(meter.pooled().rmse).toBeGreaterThan(1);
    expect(meter.pooled().delta1).toBeLessThan(0.2);
    expect(paperDepth(constant, truth)).toEqual({ rmse: 0, absRel: 0, delta1: 1 });
  });

  it("ranks a good map behind that constant", () => {
    const good = truth.map((metres) => metres * 1.05);
    const meter = new DepthMeter();
    meter.add(truth, { metres: good });
    expect(meter.pooled().delta1).toBe(1);
    expect(paperDepth(good, truth).rmse).toBeGreaterThan(0);
  });

  it("compares where both are odd and divides by all pixels", () => {
    const errors = paperDepth(Float32Array.of(1.5, 3, 2, 5), Float32Array.of(1, 1, 9, 0));
    expect(errors.rmse).toBeCloseTo(Math.sqrt((0.25 + 4) / 4), 12);
    expect(errors.absRel).toBeCloseTo((0.5 + 2) / 4, 12);
    expect(errors.delta1).toBe(0.5);
  });
});

describe("paperBoxes", () => {
  const truth = [0, 0, 100, 100] as const;

  it("keeps only boxes that the truth points at, with score 1", () => {
    const found = [
      { xyxy: [0, 0, 10, 10] as const, score: 0.1 },
      { xyxy: [0, 0, 10, 8] as const, score: 0.9 },
      { xyxy: [50, 50, 60, 60] as const, score: 0.99 },
    ];
    expect(paperBoxes(found, [{ xyxy: [0, 0, 10, 10] }, { xyxy: [80, 80, 90, 90] }])).toEqual([
      { xyxy: [0, 0, 10, 10], score: 1 },
    ]);
    expect(paperBoxes([], [{ xyxy: truth }])).toEqual([]);
  });

  it("counts a pixel more on each side of a box but not of the intersection", () => {
    // 11 x 11 / (2 * 12 * 12 - 121) = 0.72 where the boxes are the same; 6 x 11 of 12 x 12 and 7 x 12 is below a half.
    const small = { xyxy: [0, 0, 6, 11] as const, score: 1 };
    expect(paperBoxes([small], [{ xyxy: [0, 0, 11, 11] }])).toEqual([]);
  });

  it("gives a detector that is wrong 99 times in 100 a perfect score", () => {
    const noise = (k: number): Xyxy => [200 + 20 * k, 0, 210 + 20 * k, 10];
    const images: ImageBoxes[] = Array.from({ length: 20 }, () => ({
      category: "dog",
      truths: [{ xyxy: truth }],
      found: [...Array.from({ length: 99 }, (_, k) => ({ xyxy: noise(k), score: 0.9 })), { xyxy: truth, score: 0.1 }],
    }));
    expect(scoreDetections(images).apAt(0.5)).toBeLessThan(0.02);
    // Perfect but for the first true box, whose id is 0: found, it is a false positive.
    expect(paperDetections(images).categories[0]!.recall[0]).toBe(0.95);
    expect(paperDetections([{ ...images[0]!, found: [] }, ...images]).apAt(0.5)).toBeGreaterThan(0.94);
  });

  it("does not ask for what is not there", () => {
    const dog: ImageBoxes = { category: "dog", truths: [{ xyxy: truth }], found: [{ xyxy: truth, score: 0.5 }] };
    const phantom: ImageBoxes = { category: "dog", truths: [], found: [{ xyxy: truth, score: 0.9 }] };
    const first: ImageBoxes = { category: "cat", truths: [{ xyxy: truth }], found: [] };
    const images = [first, dog, phantom, phantom, phantom];
    expect(scoreDetections(images).categories[1]!.ap[0]).toBeCloseTo(0.25, 12);
    expect(paperDetections(images).categories[1]!.ap[0]).toBeCloseTo(1, 12);
  });

  it("has no average precision for the one object whose id is 0", () => {
    const image: ImageBoxes = { category: "dog", truths: [{ xyxy: truth }], found: [{ xyxy: truth, score: 1 }] };
    expect(paperDetections([image]).ap).toBe(0);
    expect(scoreDetections([image]).ap).toBeCloseTo(1, 12);
  });
});

describe("paperIou", () => {
  it("calls faint grey and unlabelled pixels foreground", () => {
    expect(paperIou(Float32Array.of(0.05, 0.03, 1, 0), Uint8Array.of(1, 0, 255, 0))).toBeCloseTo(1, 6);
  });

  it("sees neither what is drawn where the class is absent nor that large objects are missed", () => {
    const large = Uint8Array.from({ length: 100 }, (_, i) => (i < 90 ? 1 : 0));
    const small = Uint8Array.from({ length: 100 }, (_, i) => (i < 1 ? 1 : 0));
    const none = new Uint8Array(100);
    const answers: [truth: Uint8Array, drawn: Uint8Array][] = [
      [small, small],
      [large, none],
      [none, large],
    ];
    const meter = new IouMeter();
    for (const [truth, drawn] of answers) meter.add("dog", truth, drawn);
    expect(meter.pooled()).toBeCloseTo(1 / 181, 12);
    const asked = answers.filter(([truth]) => truth.includes(1));
    expect(mean(asked.map(([truth, drawn]) => paperIou(Float32Array.from(drawn), truth)))).toBeCloseTo(0.5, 6);
  });
});

describe("paperAccuracy", () => {
  it("calls yes to everything right", () => {
    const answers = [true, false, false, false].map((truth) => ({ truth, present: true, probability: 1 }));
    const meter = new PresenceMeter();
    for (const { truth, ...answer } of answers) meter.add("dog", truth, answer);
    expect(meter.accuracy()).toBe(0.25);
    expect(meter.balancedAccuracy()).toBe(0.5);
    expect(paperAccuracy(answers)).toBe(1);
    expect(paperAccuracy([{ present: true }, { present: true }, { present: false }])).toBeCloseTo(2 / 3, 12);
  });
});
