/** Answers that a careless metric rewards or hides: false alarms, nothing to measure, wrong sizes, NaN. */
import { describe, expect, it } from "vitest";
import { refusal } from "../../../tests/helpers/refusal.js";
import type { Xyxy } from "../../tasks/task.js";
import { matchBoxes } from "./box-matching.js";
import { addDetections, CalibrationMeter } from "./calibration.js";
import { PresenceMeter } from "./classification.js";
import { ConfusionMatrix } from "./confusion.js";
import { ALL_AREAS, COCO_IOUS, scoreDetections } from "./detection.js";
import { cumulativeIou, meanReferredIou, noTargetAccuracy, referredOverlap, referredPrecision } from "./referred.js";
import { inTopK } from "./top-k.js";
import { scoreVoc } from "./voc.js";

const metres = (...values: number[]) => Float32Array.from(values);
const wide = { width: 3, height: 2 };
const tall = { width: 2, height: 3 };

describe("a detector", () => {
  const box: Xyxy = [0, 0, 10, 10];
  const noise = Array.from({ length: 100 }, (_, k) => ({ xyxy: [50 + k, 50, 60 + k, 60] as Xyxy, score: 1 }));
  it("of false alarms alone has no precision, in COCO and in VOC", () => {
    const image = { category: "dog", truths: [{ xyxy: box }], found: noise };
    expect(scoreDetections([image])).toMatchObject({ ap: 0, ar: 0 });
    expect(scoreVoc([image], "2007").map).toBe(0);
    expect(scoreVoc([image], "2012").map).toBe(0);
  });
  it("pays for alarms in photos without an object", () => {
    const hit = { category: "dog", truths: [{ xyxy: box }], found: [{ xyxy: box, score: 0.5 }] };
    const empty = { category: "dog", truths: [], found: noise };
    expect(scoreDetections([hit, empty]).apAt(0.5)).toBeCloseTo(1 / 101, 9);
    expect(scoreVoc([hit, empty], "2012").map).toBeCloseTo(1 / 101, 12);
    expect(scoreVoc([empty], "2012").map).toBeNaN();
  });
  it("is refused when a score or corner is NaN", () => {
    for (const bad of [
      { xyxy: box, score: Number.NaN },
      { xyxy: [0, 0, Number.NaN, 10] as Xyxy, score: 1 },
    ]) {
      const image = { category: "dog", truths: [{ xyxy: box }], found: [bad] };
      expect(refusal(() => scoreDetections([image])).message).toMatch(/box of dog.*1 of 5 values are not finite/);
      expect(refusal(() => scoreVoc([image], "2012")).code).toBe("prediction");
    }
  });
  it("has only the AP that was computed", () => {
    expect(() => scoreDetections([], { ious: [0.5] }).apAt(0.75)).toThrow(/AP at IoU 0.75 was not computed/);
  });
  it("may hit a difficult object of VOC as often as it likes, and a COCO one once", () => {
    const twice = [
      { xyxy: box, score: 0.9 },
      { xyxy: box, score: 0.8 },
    ];
    const image = { category: "dog", truths: [{ xyxy: box, ignore: true }], found: twice };
    const other = { category: "dog", truths: [{ xyxy: box }], found: [{ xyxy: box, score: 0.1 }] };
    expect(scoreVoc([image, other], "2012").map).toBe(1);
    expect(scoreDetections([image, other]).apAt(0.5)).toBeCloseTo(0.5, 9);
  });
  it("reaches a recall of three tenths with three of ten objects, whatever 3 * 0.1 is", () => {
    const truths = Array.from({ length: 10 }, (_, k) => ({ xyxy: [20 * k, 0, 20 * k + 10, 10] as Xyxy }));
    const found = truths.slice(0, 3).map(({ xyxy }) => ({ xyxy, score: 1 }));
    expect(scoreVoc([{ category: "dog", truths, found }], "2007").map).toBeCloseTo(4 / 11, 12);
    expect(scoreVoc([{ category: "dog", truths, found }], "2012").map).toBeCloseTo(0.3, 12);
  });
  it("finds the second of two objects in COCO where VOC sees a duplicate", () => {
    const truths = [{ xyxy: box }, { xyxy: [0, 4, 10, 14] as Xyxy }];
    const found = [
      { xyxy: [0, 0, 10, 10] as Xyxy, score: 0.9 },
      { xyxy: [0, 1, 10, 12] as Xyxy, score: 0.8 },
    ];
    expect(scoreDetections([{ category: "dog", truths, found }]).categories[0]!.recall[0]).toBe(1);
    expect(scoreVoc([{ category: "dog", truths, found }], "2012").categories[0]!.recall.at(-1)).toBe(0.5);
  });
});

describe("class maps", () => {
  it("that are ignored everywhere have no scores", () => {
    const matrix = new ConfusionMatrix(2);
    matrix.addMap({ ...wide, labels: new Uint8Array(6).fill(255) }, { ...wide, labels: new Uint8Array(6) });
    expect(matrix.total()).toBe(0);
    for (const score of [matrix.accuracy(), matrix.meanIou(), matrix.meanAccuracy(), matrix.frequencyWeightedIou()])
      expect(score).toBeNaN();
  });
  it("of one class everywhere have its share as pixel accuracy but a small mIoU", () => {
    const matrix = new ConfusionMatrix(3);
    matrix.addMap({ ...wide, labels: [0, 0, 0, 0, 1, 2] }, { ...wide, labels: new Uint8Array(6) });
    expect(matrix.accuracy()).toBeCloseTo(4 / 6, 12);
    expect(matrix.meanIou()).toBeCloseTo(4 / 6 / 3, 12);
    expect(matrix.meanAccuracy()).toBeCloseTo(1 / 3, 12);
  });
  it("cannot win by saying a label that does not exist", () => {
    const matrix = new ConfusionMatrix(2);
    matrix.addMap({ ...wide, labels: [0, 0, 0, 1, 1, 1] }, { ...wide, labels: [0, 0, 255, 1, 255, 7] });
    expect(matrix.accuracy()).toBe(0.5);
    expect(matrix.perClass().map(({ iou }) => iou)).toEqual([2 / 3, 1 / 3]);
  });
  it("are refused when width and height are swapped, and a truth of other classes is named", () => {
    const matrix = new ConfusionMatrix(2);
    const labels = new Uint8Array(6);
    expect(refusal(() => matrix.addMap({ ...wide, labels }, { ...tall, labels })).message).toMatch(/are swapped/);
    const error = refusal(() => matrix.addMap({ ...wide, labels: [0, 1, 2, 0, 0, 0] }, { ...wide, labels }));
    expect(error).toMatchObject({ code: "dataset", message: expect.stringMatching(/labels 0 to 1 or 255, found 2/) });
  });
});

describe("referred masks", () => {
  const truths = [
    Uint8Array.of(1, 1, 1, 1, 0, 0),
    Uint8Array.of(0, 1, 0, 0, 0, 255),
    new Uint8Array(6),
    new Uint8Array(6),
  ];
  const drawn = [
    Uint8Array.of(1, 1, 1, 0, 0, 0),
    Uint8Array.of(1, 1, 0, 0, 0, 1),
    new Uint8Array(6),
    Uint8Array.of(1, 0, 0, 0, 0, 0),
  ];
  const overlaps = truths.map((truth, i) => referredOverlap(truth, drawn[i]!));
  it("are scored by all pixels, or by sentence with empty answers right where nothing is meant", () => {
    expect(cumulativeIou(overlaps)).toBeCloseTo((3 + 1) / (4 + 2 + 0 + 1), 12);
    expect(meanReferredIou(overlaps)).toBeCloseTo((3 / 4 + 1 / 2 + 1 + 0) / 4, 12);
    expect(referredPrecision(overlaps, 0.5)).toBe(0.5);
    expect(noTargetAccuracy(overlaps)).toBe(0.5);
  });
  it("that are ignored everywhere have no cIoU", () => {
    expect(cumulativeIou([referredOverlap(new Uint8Array(6).fill(255), drawn[0]!)])).toBeNaN();
  });
  it("are refused when width and height are swapped", () => {
    const sizes = { truth: wide, prediction: tall };
    expect(refusal(() => referredOverlap(truths[0]!, drawn[0]!, sizes)).message).toMatch(/are swapped/);
  });
});

it("a presence without a probability is refused", () => {
  const add = () => new PresenceMeter().add("dog", true, { present: true, probability: Number.NaN });
  expect(refusal(add).message).toMatch(/P\(dog is present\): expected a number from 0 to 1, found NaN/);
});

describe("class scores", () => {
  it("that are all equal are no success but for the first class", () => {
    expect([0, 1, 2].map((truth) => inTopK([0.3, 0.3, 0.3], truth, 1))).toEqual([true, false, false]);
  });
  it("are refused when one is NaN", () => {
    expect(refusal(() => inTopK([0.1, Number.NaN], 0, 1)).message).toMatch(/1 of 2 values are not finite/);
  });
});

describe("CalibrationMeter", () => {
  it("sees overconfidence, and nothing wrong with one half for a coin", () => {
    const sure = new CalibrationMeter();
    const honest = new CalibrationMeter();
    for (let i = 0; i < 100; i++) {
      sure.add(1, i % 2);
      honest.add(0.5, i % 2);
    }
    expect(sure.ece()).toBe(0.5);
    expect(sure.maximumError()).toBe(0.5);
    expect(sure.brier()).toBe(0.5);
    expect(honest.ece()).toBe(0);
    // A perfect ECE says nothing of use: the Brier score still does.
    expect(honest.brier()).toBe(0.25);
    expect(sure.merge(honest).count()).toBe(200);
    expect(sure.bins().map(({ count, accuracy }) => [count, accuracy])).toEqual([
      [100, 0.5],
      [100, 0.5],
    ]);
  });
  it("takes every pixel but ignored ones", () => {
    const meter = new CalibrationMeter();
    meter.addMap(metres(0.25, 0.75, 0.5, 1), Uint8Array.of(0, 1, 255, 1));
    expect(meter.count()).toBe(3);
    expect(meter.brier()).toBeCloseTo((2 * 0.25 ** 2) / 3, 12);
    expect(() => meter.addMap(metres(1), Uint8Array.of(1, 1))).toThrow(/expected 2 pixels as the truth has, found 1/);
  });
  it("takes the boxes that count, by whether they hit", () => {
    const box: Xyxy = [0, 0, 10, 10];
    const matching = matchBoxes(
      {
        category: "dog",
        truths: [{ xyxy: box }, { xyxy: [20, 0, 30, 10], ignore: true }],
        found: [
          { xyxy: box, score: 0.9 },
          { xyxy: box, score: 0.7 },
          { xyxy: [20, 0, 30, 10], score: 0.6 },
        ],
      },
      { ious: COCO_IOUS, maxDets: 100, area: ALL_AREAS },
    );
    const meter = new CalibrationMeter();
    addDetections(meter, [matching]);
    expect(meter.count()).toBe(2);
    expect(meter.brier()).toBeCloseTo((0.1 ** 2 + 0.7 ** 2) / 2, 12);
  });
  it("refuses what is no probability, and has no numbers of nothing", () => {
    const meter = new CalibrationMeter();
    for (const value of [Number.NaN, 1.2, -0.1])
      expect(refusal(() => meter.add(value, 1)).message).toMatch(/expected a number from 0 to 1/);
    for (const score of [meter.ece(), meter.ece(15, "adaptive"), meter.brier(), meter.maximumError()])
      expect(score).toBeNaN();
  });
});
