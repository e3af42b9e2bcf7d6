/** Metrics against scikit-learn and the formulas in numpy (scripts/oracles/metrics.py), to 1e-9. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Xyxy } from "../../tasks/task.js";
import { quantile } from "./bootstrap.js";
import { CalibrationMeter } from "./calibration.js";
import { PresenceMeter } from "./classification.js";
import { ConfusionMatrix } from "./confusion.js";
import { type DepthErrors, DepthMeter, type DepthOptions } from "./depth.js";
import { topKAccuracy } from "./top-k.js";
import { scoreVoc } from "./voc.js";

interface Golden {
  classes: {
    truth: number[];
    scores: number[][];
    confusion: number[][];
    precision: (number | null)[];
    recall: (number | null)[];
    f1: (number | null)[];
    support: number[];
  } & Record<"accuracy" | "balanced" | "macroF1" | "top2", number>;
  segmentation: {
    width: number;
    height: number;
    maps: { truth: number[]; found: number[] }[];
    iou: number[];
  } & Record<"miou" | "pixelAccuracy" | "meanAccuracy" | "fwIou", number>;
  depth: {
    width: number;
    height: number;
    truths: number[][];
    found: number[][];
    cases: { options: DepthOptions; pooled: DepthErrors; perImage: DepthErrors }[];
  };
  voc: {
    truths: { image: number; box: Xyxy; difficult: boolean }[];
    found: { image: number; box: Xyxy; score: number }[];
    ap2007: number;
    ap2012: number;
  };
  calibration: {
    confidence: number[];
    outcome: number[];
    bins: [accuracy: number[], confidence: number[], count: number[]];
  } & Record<"ece10" | "max10" | "adaptive6" | "brier" | "auc", number>;
  quantiles: { values: number[]; shares: number[]; at: number[] };
}
const golden: Golden = JSON.parse(
  readFileSync(new URL("../../../tests/goldens/metrics.golden.json", import.meta.url), "utf8"),
);

function expectClose(ours: number, theirs: number | null) {
  if (theirs === null) expect(ours).toBeNaN();
  else expect(Math.abs(ours - theirs)).toBeLessThan(1e-9);
}

describe("classes", () => {
  const { truth, scores } = golden.classes;
  const matrix = new ConfusionMatrix(5);
  for (const [i, row] of scores.entries()) matrix.add(truth[i]!, row.indexOf(Math.max(...row)));

  it("are confused as scikit-learn counts", () => {
    golden.classes.confusion.forEach((row, t) => {
      row.forEach((count, p) => {
        expect(matrix.at(t, p)).toBe(count);
      });
    });
    expectClose(matrix.accuracy(), golden.classes.accuracy);
    expectClose(matrix.meanAccuracy(), golden.classes.balanced);
    expectClose(matrix.macroF1(), golden.classes.macroF1);
    for (const [k, counts] of matrix.perClass().entries()) {
      expectClose(counts.precision, golden.classes.precision[k]!);
      expectClose(counts.recall, golden.classes.recall[k]!);
      expect(counts.support).toBe(golden.classes.support[k]);
      // scikit-learn has no F1 where recall is undefined; ours is 0 there, as some were called so.
      if (counts.support > 0) expectClose(counts.f1, golden.classes.f1[k]!);
    }
  });

  it("are found among the first two", () => {
    const answers = scores.map((row, i) => ({ truth: truth[i]!, scores: row }));
    expectClose(topKAccuracy(answers, 2), golden.classes.top2);
    expectClose(topKAccuracy(answers, 1), golden.classes.accuracy);
    expect(topKAccuracy(answers, 5)).toBe(1);
  });
});

it("segmentation of a dataset", () => {
  const { width, height, maps, iou, ...scores } = golden.segmentation;
  const matrices = maps.map(({ truth, found }) => {
    const one = new ConfusionMatrix(4);
    one.addMap({ width, height, labels: truth }, { width, height, labels: found });
    return one;
  });
  const whole = matrices.reduce((sum, one) => sum.merge(one), new ConfusionMatrix(4));
  for (const [k, counts] of whole.perClass().entries()) expectClose(counts.iou, iou[k]!);
  expectClose(whole.meanIou(), scores.miou);
  expectClose(whole.accuracy(), scores.pixelAccuracy);
  expectClose(whole.meanAccuracy(), scores.meanAccuracy);
  expectClose(whole.frequencyWeightedIou(), scores.fwIou);
});

describe("depth", () => {
  const { width, height, truths, found, cases } = golden.depth;
  it.each(cases.map((one) => ({ name: JSON.stringify(one.options), ...one })))("$name", ({ options, ...expected }) => {
    const meter = new DepthMeter(options);
    for (const [i, truth] of truths.entries())
      meter.add(Float32Array.from(truth), { metres: Float32Array.from(found[i]!) }, { width, height });
    for (const key of Object.keys(expected.pooled) as (keyof DepthErrors)[]) {
      expectClose(meter.pooled()[key], expected.pooled[key]);
      expectClose(meter.perImage()[key], expected.perImage[key]);
    }
  });
});

it("VOC's average precision of 2007 and 2012", () => {
  const { truths, found, ap2007, ap2012 } = golden.voc;
  const images = Array.from({ length: 8 }, (_, image) => ({
    category: "dog",
    truths: truths.filter((t) => t.image === image).map(({ box, difficult }) => ({ xyxy: box, ignore: difficult })),
    found: found.filter((d) => d.image === image).map(({ box, score }) => ({ xyxy: box, score })),
  }));
  expectClose(scoreVoc(images, "2007").map, ap2007);
  expectClose(scoreVoc(images, "2012").map, ap2012);
});

it("calibration", () => {
  const { confidence, outcome, bins, ...expected } = golden.calibration;
  const meter = new CalibrationMeter();
  const presence = new PresenceMeter();
  for (const [i, value] of confidence.entries()) {
    meter.add(value, outcome[i]!);
    presence.add("dog", outcome[i] === 1, { present: value >= 0.5, probability: value });
  }
  for (const [k, bin] of meter.bins(10).entries()) {
    expectClose(bin.accuracy, bins[0][k]!);
    expectClose(bin.confidence, bins[1][k]!);
    expect(bin.count).toBe(bins[2][k]);
  }
  expectClose(meter.ece(10), expected.ece10);
  expectClose(meter.maximumError(10), expected.max10);
  expect(meter.bins(6, "adaptive").map(({ count }) => count)).toEqual([10, 10, 10, 10, 10, 10]);
  expectClose(meter.ece(6, "adaptive"), expected.adaptive6);
  expectClose(meter.brier(), expected.brier);
  expectClose(presence.auc(), expected.auc);
});

it("quantiles", () => {
  const { values, shares, at } = golden.quantiles;
  for (const [i, share] of shares.entries()) expectClose(quantile(values, share), at[i]!);
});
