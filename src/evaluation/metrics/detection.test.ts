/** Box scores against pycocotools (scripts/oracles/coco_eval.py) and by hand. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Xyxy } from "../../tasks/task.js";
import { boxIou, matchBoxes, type TrueBox } from "./box-matching.js";
import { type ImageBoxes, scoreDetections } from "./detection.js";

interface Box {
  image: number;
  category: number;
  xywh: [number, number, number, number];
}
const cases: {
  images: number;
  categories: number;
  truths: (Box & { crowd: boolean; area: number })[];
  found: (Box & { score: number })[];
  scores: Record<string, number>;
}[] = JSON.parse(readFileSync(new URL("../../../tests/goldens/coco-eval.golden.json", import.meta.url), "utf8"));

const xyxy = ([x, y, w, h]: Box["xywh"]): Xyxy => [x, y, x + w, y + h];
const all: [number, number] = [0, 1e10];
const sizes: Record<string, [number, number]> = {
  "": all,
  small: [0, 32 ** 2],
  medium: [32 ** 2, 96 ** 2],
  large: [96 ** 2, 1e10],
};

describe("scoreDetections", () => {
  it.each(cases.map((one, index) => ({ index, ...one })))("equals COCOeval, case $index", (golden) => {
    const images: ImageBoxes[] = [];
    for (let image = 1; image <= golden.images; image++)
      for (let category = 1; category <= golden.categories; category++) {
        const here = (box: Box) => box.image === image && box.category === category;
        images.push({
          category: String(category),
          truths: golden.truths.filter(here).map((t) => ({ xyxy: xyxy(t.xywh), crowd: t.crowd, area: t.area })),
          found: golden.found.filter(here).map((d) => ({ xyxy: xyxy(d.xywh), score: d.score })),
        });
      }
    const scores: Record<string, number> = {};
    for (const [size, area] of Object.entries(sizes)) {
      const score = scoreDetections(images, { area });
      scores[`AP${size}`] = score.ap;
      scores[size ? `AR${size}` : "AR100"] = score.ar;
      if (!size) Object.assign(scores, { AP50: score.apAt(0.5), AP75: score.apAt(score.ious[5]!) });
    }
    for (const maxDets of [1, 10]) scores[`AR${maxDets}`] = scoreDetections(images, { maxDets }).ar;
    expect(Object.keys(scores).sort()).toEqual(Object.keys(golden.scores).sort());
    for (const [name, value] of Object.entries(golden.scores))
      expect(Math.abs(scores[name]! - value)).toBeLessThan(1e-9);
  });

  it("is the area under the stepped precision-recall curve", () => {
    const truth = (x: number) => ({ xyxy: [x, 0, x + 10, 10] as Xyxy });
    const score = scoreDetections([
      {
        category: "dog",
        truths: [truth(0), truth(100)],
        found: [
          { xyxy: [0, 0, 10, 10], score: 0.9 },
          { xyxy: [50, 0, 60, 10], score: 0.8 },
          { xyxy: [100, 0, 110, 10], score: 0.7 },
        ],
      },
    ]);
    // Recall .5 at precision 1 (51 points: 0 ... .50), then recall 1 at precision 2/3 (50 points).
    expect(score.ap).toBeCloseTo((51 + (50 * 2) / 3) / 101, 12);
    expect(score.ar).toBe(1);
    expect(score.categories).toMatchObject([{ category: "dog", objects: 2, boxes: 3 }]);
  });

  it("counts false positives of categories that are absent, and has no score without an object", () => {
    const found = [{ xyxy: [0, 0, 10, 10] as Xyxy, score: 0.9 }];
    const dog = { category: "dog", truths: [{ xyxy: [0, 0, 10, 10] as Xyxy }], found: [{ ...found[0]!, score: 0.5 }] };
    expect(scoreDetections([dog]).apAt(0.5)).toBeCloseTo(1, 12);
    expect(scoreDetections([dog, { category: "dog", truths: [], found }]).apAt(0.5)).toBeCloseTo(0.5, 12);
    expect(scoreDetections([{ category: "dog", truths: [], found }]).ap).toBeNaN();
  });
});

describe("matchBoxes", () => {
  const options = { ious: [0.5], maxDets: 100, area: all };
  const box: Xyxy = [0, 0, 10, 10];
  it("lets many boxes fall on a crowd, but one on a difficult object", () => {
    const twice = [
      { xyxy: box, score: 0.9 },
      { xyxy: box, score: 0.8 },
    ];
    const matched = (truths: TrueBox[]) => matchBoxes({ category: "dog", truths, found: twice }, options);
    expect(matched([{ xyxy: box, crowd: true }]).verdicts[0]).toEqual(["ignored", "ignored"]);
    expect(matched([{ xyxy: box, ignore: true }]).verdicts[0]).toEqual(["ignored", "false"]);
    expect(matched([{ xyxy: box }, { xyxy: box, ignore: true }]).verdicts[0]).toEqual(["hit", "ignored"]);
  });
  it("divides by the box alone for a crowd", () => {
    expect(boxIou([0, 0, 2, 2], [0, 0, 10, 10], true)).toBe(1);
    expect(boxIou([0, 0, 2, 2], [0, 0, 10, 10])).toBe(0.04);
    expect(boxIou([0, 0, 2, 2], [2, 0, 4, 2])).toBe(0);
  });
});
