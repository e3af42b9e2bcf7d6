/** The numbers of --details, by hand on a few answers; and what --present-only leaves out. */
import { describe, expect, it } from "vitest";
import type { ScoredBox, TrueBox } from "../metrics/box-matching.js";
import { depthSums } from "../metrics/depth.js";
import { detailsOf } from "./details.js";
import type { Bin, Facts, QuestionRecord } from "./record.js";
import type { Run, RunHead } from "./run.js";
import { reportOf } from "./tables.js";

const record = (photo: string, task: QuestionRecord["task"], facts: Facts, present = true): QuestionRecord => ({
  ...{ photo, at: 0, dataset: "voc2012", task, wording: "template", present, facts },
  category: task === "depth" || facts.kind === "map" ? null : "cat",
});
const valuesOf = (task: QuestionRecord["task"], records: readonly QuestionRecord[]) =>
  Object.fromEntries(detailsOf(task, records).map(({ metric, value }) => [metric, value]));

const bins = (filled: Readonly<Record<number, Bin>>): Bin[] =>
  Array.from({ length: 10 }, (_, i) => filled[i] ?? [0, 0, 0]);

describe("details", () => {
  it("of depth: a factor of 2 is no error of scale-invariant logarithms", () => {
    const truth = Float32Array.of(1, 2, 4);
    const values = valuesOf("depth", [
      record("a", "depth", {
        kind: "depth",
        ...depthSums(
          truth.map((t) => 2 * t),
          truth,
        ),
        paper: { rmse: 0, delta1: 1 },
      }),
    ]);
    expect(values["SqRel (m)"]).toBeCloseTo((1 + 2 + 4) / 3, 12);
    expect(values["RMSE log"]).toBeCloseTo(Math.LN2, 12);
    expect(values.SILog).toBeCloseTo(0, 4);
  });

  it("of masks: the mean of the photos' IoU, what pixels' probabilities are worth, the rest of full label maps", () => {
    const mask = (intersection: number, union: number, filled: Readonly<Record<number, Bin>>): Facts => ({
      ...{ kind: "mask", intersection, union, paper: 0, bins: bins(filled) },
    });
    const map: Facts = {
      kind: "map",
      confusion: [
        [null, null, 6],
        [null, "cat", 2],
        ["cat", "cat", 1],
        ["cat", null, 1],
      ],
    };
    const values = valuesOf("segmentation", [
      record("a", "segmentation", mask(1, 4, { 9: [4, 3.8, 3] })),
      record("b", "segmentation", mask(3, 4, { 0: [4, 0.2, 1] })),
      record("c", "segmentation", mask(0, 5, {}), false),
      record("a", "segmentation", map),
    ]);
    expect(values["gIoU (present classes asked)"]).toBeCloseTo((1 / 4 + 3 / 4) / 2, 12);
    expect(values["ECE of pixels (10 bins)"]).toBeCloseTo((0.8 + 0.8) / 8, 12);
    expect(values["mean accuracy (full label map)"]).toBeCloseTo((6 / 8 + 1 / 2) / 2, 12);
    expect(values["frequency-weighted IoU (full label map)"]).toBeCloseTo((8 * (6 / 9) + 2 * (1 / 4)) / 10, 12);
  });

  it("of boxes: by size of the object and number of boxes, VOC's own AP, what scores are worth", () => {
    const side = (pixels: number, score: number): [TrueBox, ScoredBox] => {
      const xyxy = [0, 0, pixels, pixels] as const;
      return [{ xyxy }, { xyxy, score }];
    };
    const far = (score: number): ScoredBox => ({ xyxy: [500, 500, 600, 600], score });
    const [small, smallFound] = side(20, 0.9);
    const [large, largeFound] = side(200, 0.5);
    const records = [
      record("a", "detection", { kind: "boxes", truths: [small], found: [smallFound] }),
      record("b", "detection", { kind: "boxes", truths: [large], found: [far(0.7), largeFound] }),
    ];
    const values = valuesOf("detection", records);
    // Best first: hit, false, hit. Precision 1 up to a recall of one half (51 of 101 points), then 2/3.
    expect(values["AP@.75 (all classes asked)"]).toBeCloseTo((51 + 50 * (2 / 3)) / 101, 12);
    expect(values["AP@.5:.95, small (all classes asked)"]).toBeCloseTo(1, 12);
    expect(values["AP@.5:.95, medium (all classes asked)"]).toBeNaN();
    // The miss is 100 pixels wide: it counts among large objects only, where it is before the hit.
    expect(values["AP@.5:.95, large (all classes asked)"]).toBeCloseTo(1 / 2, 12);
    expect(values["AR@.5:.95, 1 box (all classes asked)"]).toBeCloseTo(1 / 2, 12);
    expect(values["AR@.5:.95, 10 boxes (all classes asked)"]).toBeCloseTo(1, 12);
    expect(values["AR@.5:.95, large (all classes asked)"]).toBeCloseTo(1, 12);
    expect(values["VOC2007 AP@.5 (all classes asked)"]).toBeCloseTo((6 + 5 * (2 / 3)) / 11, 12);
    expect(values["VOC2012 AP@.5 (all classes asked)"]).toBeCloseTo(1 / 2 + (1 / 2) * (2 / 3), 12);
    expect(values["ECE of scores (15 bins) (all classes asked)"]).toBeCloseTo((0.1 + 0.7 + 0.5) / 3, 12);
  });

  it("says nothing of the calibration of scores that are no probabilities", () => {
    const found = [{ xyxy: [0, 0, 9, 9] as const, score: 12.5 }];
    const values = valuesOf("detection", [record("a", "detection", { kind: "boxes", truths: [], found })]);
    expect(values["ECE of scores (15 bins) (all classes asked)"]).toBeNaN();
  });

  it("of yes/no answers: plain accuracy and calibration", () => {
    const says = (photo: string, probability: number, present: boolean) =>
      record(photo, "classification", { kind: "presence", present: probability >= 0.5, probability }, present);
    const values = valuesOf("classification", [says("a", 0.75, true), says("b", 0.75, false), says("c", 0.2, false)]);
    expect(values["accuracy, pooled"]).toBeCloseTo(2 / 3, 12);
    expect(values["ECE of P(present) (10 bins)"]).toBeCloseTo((2 * 0.25 + 0.2) / 3, 12);
  });
});

describe("a run of present classes only", () => {
  const head: RunHead = {
    ...{ format: 1, suite: "mini", model: "m", datasets: ["voc2012"], exclusive: [], wordings: ["template"] },
    ...{ tasks: ["segmentation", "detection"], shard: [1, 1], photos: { voc2012: 1 }, skipped: [], notes: [] },
    options: {},
  };
  const records = [
    record("a", "segmentation", { kind: "mask", intersection: 1, union: 2, paper: 0, bins: bins({}) }),
    record("a", "detection", { kind: "boxes", truths: [], found: [] }),
  ];
  const metricsOf = (run: Run) => reportOf(run, { details: true }).rows.map(({ metric }) => metric);

  it("has no number that absent classes would have a part in", () => {
    expect(metricsOf({ head, records })).toContain("mIoU (all classes asked)");
    const present = metricsOf({ head: { ...head, options: { presentOnly: true } }, records });
    expect(present).toContain("mIoU (present classes asked)");
    expect(present).toContain("AP@.5 (present classes asked)");
    expect(present.filter((metric) => metric.includes("all classes asked"))).toEqual([]);
  });
});
