/** COCO's files and numbers against pycocotools (scripts/metrics/coco_peer.py golden), and files that must be refused. */
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeRle, rleRuns } from "../../../tasks/rle.js";
import {
  type CocoSummary,
  checkCocoResults,
  evaluateCoco,
  type IouType,
  readCocoResults,
  readCocoTruth,
  writeCocoResults,
} from "./index.js";
import { maskIou, runMask } from "./mask-iou.js";

const cases: {
  iouType: IouType;
  zeroId: boolean;
  statsWithoutId0?: number[];
  instances: object;
  results: object[];
  stats: number[];
  recall: number[][];
  precision50: number[];
  scores50: number[];
}[] = JSON.parse(readFileSync(new URL("../../../../tests/goldens/coco-files.golden.json", import.meta.url), "utf8"));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "coco-metrics-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(name: string, content: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}
const numbers = (summary: CocoSummary) => Object.values(summary).map((v) => (Number.isNaN(v) ? -1 : v));
function expectClose(ours: readonly number[], theirs: readonly number[]) {
  expect(ours.length).toBe(theirs.length);
  for (const [i, value] of theirs.entries()) expect(Math.abs(ours[i]! - value)).toBeLessThan(1e-9);
}

describe("evaluateCoco", () => {
  it.each(cases.map((one, index) => ({ index, ...one })))(
    "equals pycocotools, case $index, $iouType",
    async (golden) => {
      const masks = golden.iouType === "segm";
      const truth = await readCocoTruth(await put("instances.json", golden.instances), { masks });
      const results = await readCocoResults(await put("results.json", golden.results), truth);
      const theirs = evaluateCoco(truth, results, { iouType: golden.iouType, zeroIdIsNoMatch: golden.zeroId });
      expectClose(numbers(theirs.summary), golden.stats);
      const first = String(Math.min(...truth.categories.keys()));
      // A class without an object is -1 in pycocotools' arrays.
      const category = theirs.score("all", 100).categories.find((one) => one.category === first);
      expectClose(category?.precision[0] ?? new Array(101).fill(-1), golden.precision50);
      expectClose(category?.scores[0] ?? new Array(101).fill(-1), golden.scores50);
      expectClose(
        category?.recall ?? new Array(10).fill(-1),
        golden.recall.map((byCategory) => byCategory[0]!),
      );
      if (golden.statsWithoutId0)
        expectClose(numbers(evaluateCoco(truth, results, { iouType: golden.iouType }).summary), golden.statsWithoutId0);

      await writeCocoResults(join(folder, "ours.json"), results);
      expect(JSON.parse(await readFile(join(folder, "ours.json"), "utf8"))).toEqual(golden.results);
    },
  );

  const box = [10, 10, 40, 40];
  const one = {
    images: [
      { id: 7, width: 100, height: 60 },
      { id: 8, width: 100, height: 60 },
    ],
    categories: [
      { id: 3, name: "dog" },
      { id: 5, name: "cat" },
    ],
    annotations: [
      { id: 0, image_id: 7, category_id: 3, bbox: box, area: 1600 },
      { id: 4, image_id: 7, category_id: 3, bbox: [60, 10, 20, 20], area: 400 },
    ],
  };
  const hit = { image_id: 7, category_id: 3, bbox: box, score: 0.9 };
  const truthOf = async (content: object) => readCocoTruth(await put("truth.json", content));

  it("counts the annotation whose id is 0, and can be told not to, as pycocotools", async () => {
    const truth = await truthOf(one);
    const results = checkCocoResults([hit], truth, "results");
    // One of two objects, with precision 1 up to recall .5: 51 of the 101 points.
    expect(evaluateCoco(truth, results).summary).toMatchObject({ AR1: 0.5 });
    expect(evaluateCoco(truth, results).summary.AP).toBeCloseTo(51 / 101, 12);
    expect(evaluateCoco(truth, results, { zeroIdIsNoMatch: true }).summary).toMatchObject({ AP: 0, AR1: 0 });
  });

  it("has a row for each class with objects, and no number where there is none", async () => {
    const truth = await truthOf(one);
    const { classes, summary } = evaluateCoco(truth, checkCocoResults([hit], truth, "results"));
    expect(classes).toMatchObject([
      { category: "dog", objects: 2, boxes: 1, AR100: 0.5, APmedium: expect.closeTo(1, 9) },
    ]);
    expect(classes[0]!.APsmall).toBe(0);
    expect(summary.APlarge).toBeNaN();
    expect(classes[0]!.APlarge).toBeNaN();
  });

  it("gives nothing for no results, and for false positives alone", async () => {
    const truth = await truthOf(one);
    expect(evaluateCoco(truth, []).summary).toMatchObject({ AP: 0, AR100: 0 });
    const wrong = Array.from({ length: 50 }, (_, k) => ({ image_id: 8, category_id: 3, bbox: [k, 0, 9, 9], score: 1 }));
    expect(evaluateCoco(truth, checkCocoResults(wrong, truth, "results")).summary).toMatchObject({ AP: 0, AR100: 0 });
    // And they cost: the one hit now comes behind fifty of them.
    const all = checkCocoResults([...wrong, hit], truth, "results");
    expect(evaluateCoco(truth, all).summary.AP50).toBeCloseTo(51 / 101 / 51, 9);
  });

  it("is not fooled by a box of no area, nor by width and height in each other's place", async () => {
    const truth = await truthOf({
      ...one,
      annotations: [{ id: 1, image_id: 7, category_id: 3, bbox: [10, 10, 40, 10], area: 400 }],
    });
    const score = (bbox: number[]) =>
      evaluateCoco(truth, checkCocoResults([{ ...hit, bbox }], truth, "results")).summary.AP50;
    expect(score([10, 10, 0, 10])).toBe(0);
    expect(score([10, 10, 10, 40])).toBe(0);
    expect(score([10, 10, 40, 10])).toBeCloseTo(1, 9);
  });
});

describe("readCocoTruth", () => {
  const images = [{ id: 1, width: 4, height: 3 }];
  const categories = [{ id: 2, name: "dog" }];
  const annotation = { id: 5, image_id: 1, category_id: 2, bbox: [0, 0, 1, 1], area: 1, iscrowd: 0 };
  it.each([
    ["an annotation id twice", { annotations: [annotation, annotation] }, /annotations element 5: the id comes twice/],
    ["an image id twice", { images: [...images, ...images] }, /images element 1: the id comes twice/],
    ["an unknown category", { annotations: [{ ...annotation, category_id: 9 }] }, /element 5: unknown category_id 9/],
    ["a short box", { annotations: [{ ...annotation, bbox: [0, 0, 1] }] }, /element 5: bbox: expected four finite/],
    ["a negative box", { annotations: [{ ...annotation, bbox: [0, 0, -1, 1] }] }, /width and height of 0 or more/],
    ["no id", { annotations: [{ ...annotation, id: undefined }] }, /id: expected an integer, found nothing/],
    ["no images", { images: [] }, /expected COCO's "images" and "categories"/],
  ])("refuses %s", async (_, change, message) => {
    const path = await put("truth.json", { images, categories, annotations: [annotation], ...change });
    await expect(readCocoTruth(path)).rejects.toThrow(message);
  });

  it("leaves out annotations of images that are not listed, and counts them", async () => {
    const stray = { ...annotation, id: 6, image_id: 77 };
    const truth = await readCocoTruth(
      await put("truth.json", { images, categories, annotations: [annotation, stray] }),
    );
    expect(truth).toMatchObject({ strays: 1, objects: [{ id: 5 }] });
  });
});

describe("readCocoResults", () => {
  const result = { image_id: 1, category_id: 2, bbox: [0, 0, 1, 1], score: 0.5 };
  const { counts } = encodeRle(Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), { width: 4, height: 3 });
  const truth = async () =>
    readCocoTruth(
      await put("truth.json", {
        images: [{ id: 1, width: 4, height: 3 }],
        categories: [{ id: 2, name: "dog" }],
        annotations: [],
      }),
    );
  it.each([
    ["an unknown image", [result, { ...result, image_id: 9 }], /result 1: image_id 9 is not in .*truth.json/],
    ["an unknown category", [{ ...result, category_id: 1 }], /result 0: category_id 1 is not in/],
    ["a short box", [{ ...result, bbox: [0, 0, 1] }], /bbox: expected four finite numbers/],
    ["corners", [{ ...result, bbox: [5, 5, -1, 2] }], /not corners/],
    ["a box of null", [{ ...result, bbox: [0, null, 1, 1] }], /bbox: expected four finite numbers/],
    ["no score", [{ ...result, score: undefined }], /score: expected a finite number, found nothing/],
    [
      "an id twice",
      [
        { ...result, id: 3 },
        { ...result, id: 3 },
      ],
      /result 1: the id 3 comes twice/,
    ],
    ["a box only sometimes", [result, { ...result, bbox: undefined }], /result 1: bbox: expected one as in the first/],
    ["an object", { annotations: [] }, /expected a list of results/],
    ["a number", [5], /result 0: expected an object/],
    ["a swapped mask", [{ ...result, segmentation: { size: [4, 3], counts } }], /the two are swapped/],
    ["a short mask", [{ ...result, segmentation: { size: [3, 4], counts: "1" } }], /expected runs over 12 pixels/],
    [
      "a damaged mask",
      [{ ...result, segmentation: { size: [3, 4], counts: "~" } }],
      /result 0: segmentation: Compressed run lengths are cut short/,
    ],
  ])("refuses %s", async (_, content, message) => {
    await expect(readCocoResults(await put("results.json", content), await truth())).rejects.toThrow(message);
  });

  it("names the result in which Python wrote NaN, and says when a file is no JSON at all", async () => {
    const text = JSON.stringify([result, result]).replace(/0\.5(?=\}\])/, "NaN");
    await expect(readCocoResults(await put("results.json", text), await truth())).rejects.toThrow(
      /result 1: score: expected a finite number/,
    );
    await expect(readCocoResults(await put("results.json", "[{"), await truth())).rejects.toThrow(/no JSON/);
    await expect(readCocoResults(join(folder, "none.json"), await truth())).rejects.toThrow(/no such file/);
  });

  it("writes no number that is not one", () => {
    expect(() => writeCocoResults(join(folder, "x.json"), [{ ...result, bbox: [0, 0, Number.NaN, 1] }])).toThrow(
      /result 0 has a number that is not finite/,
    );
  });

  it("asks for masks where masks are scored", async () => {
    const content = { images: [{ id: 1 }], categories: [{ id: 2, name: "dog" }], annotations: [] as object[] };
    content.annotations = [{ id: 1, image_id: 1, category_id: 2, bbox: [0, 0, 1, 1] }];
    const read = await readCocoTruth(await put("truth.json", content));
    expect(() => evaluateCoco(read, checkCocoResults([result], read, "r"), { iouType: "segm" })).toThrow(
      /expected the image's width and height/,
    );
  });
});

describe("maskIou", () => {
  const size = { width: 3, height: 2 };
  const mask = (...pixels: number[]) => runMask(rleRuns(encodeRle(Uint8Array.from(pixels), size)), size.height);
  it("counts pixels, over the found mask alone for a crowd", () => {
    const left = mask(1, 1, 0, 1, 0, 0);
    const right = mask(0, 1, 1, 0, 1, 1);
    expect(left).toMatchObject({ area: 3, box: [0, 0, 2, 2] });
    expect(maskIou(left, right, false)).toBeCloseTo(1 / 6, 12);
    expect(maskIou(left, right, true)).toBeCloseTo(1 / 3, 12);
    expect(maskIou(mask(0, 0, 0, 0, 0, 0), left, false)).toBe(0);
    expect(mask(0, 0, 0, 0, 0, 0)).toMatchObject({ area: 0, box: [0, 0, 0, 0] });
  });
});
