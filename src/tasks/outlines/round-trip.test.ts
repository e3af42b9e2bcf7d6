/** Boxes drawn on a photo and read back, at every picture size up to the paper's 512 pixels. */
import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cropResize, readPicture } from "../../image/io.js";
import type { Picture, Size, Xyxy } from "../../image/picture.js";
import { createRng, type Rng } from "../../random.js";
import { toFloatPicture } from "../codec.js";
import { detectionWith } from "../detection.js";
import { overlap } from "./edges.js";

const examples = resolve(import.meta.dirname, "../../../examples");
const coco = resolve("../shared/data/coco/val2017");
const files = [
  ...["cat.jpg", "dog.jpg"].map((name) => resolve(examples, name)),
  ...(await readdir(coco)).slice(0, 6).map((name) => resolve(coco, name)),
];
const sources = await Promise.all(files.map((file) => readPicture(file)));

type Photo = (size: Size, rng: Rng) => Picture | Promise<Picture>;
const photos: Record<string, Photo> = {
  noise: ({ width, height }, rng) => ({
    width,
    height,
    data: Uint8Array.from({ length: width * height * 3 }, () => rng.int(256)),
  }),
  gradient({ width, height }, rng) {
    const [from, to] = [0, 1].map(() => [rng.int(256), rng.int(256), rng.int(200)]);
    const data = new Uint8Array(width * height * 3);
    for (let i = 0; i < data.length; i++) {
      const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
      data[i] = from![i % 3]! + ((to![i % 3]! - from![i % 3]!) * (x / width + y / height)) / 2;
    }
    return { width, height, data };
  },
  photo(size, rng) {
    const source = rng.pick(sources);
    const [w, h] = [source.width, source.height].map((side) => Math.ceil(side * (0.4 + 0.6 * rng.next())));
    const [x, y] = [rng.int(source.width - w! + 1), rng.int(source.height - h! + 1)];
    return cropResize(source, [x, y, x + w!, y + h!], size, rng.next() < 0.5);
  },
};
const grey = (side: number): Picture => ({
  width: side,
  height: side,
  data: new Uint8Array(side * side * 3).fill(128),
});

/** Up to `count` boxes, small ones as often as large ones, many at the border, at least `gap` pixels apart. */
function boxesOf(count: number, { width, height }: Size, smallest: number, gap: number, rng: Rng): Xyxy[] {
  const boxes: Xyxy[] = [];
  const side = (most: number) => Math.floor(smallest * (most / smallest) ** rng.next());
  const place = (last: number) => rng.pick([0, last, rng.int(last + 1), rng.int(last + 1)]);
  for (let tries = 0; tries < 400 && boxes.length < count; tries++) {
    const [w, h] = [side(width), side(height)];
    const [x, y] = [place(width - w), place(height - h)];
    const around: Xyxy = [x - gap, y - gap, x + w + gap, y + h + gap];
    if (boxes.every((other) => overlap(other, around) === 0)) boxes.push([x, y, x + w, y + h]);
  }
  return boxes;
}

/** The boxes read back that count (score above half of the best) and the drawn ones that none of them matches. */
function roundTrip(boxes: readonly Xyxy[], photo: Picture, share: number | null): { counted: Xyxy[]; lost: Xyxy[] } {
  const codec = detectionWith(share);
  const { width, height } = photo;
  const drawn = codec.encode({ task: "detection", width, height, boxes }, photo, { category: "dog" });
  const found = codec.decode(toFloatPicture(drawn), photo, { category: "dog" }, photo).boxes;
  const counted = found.filter(({ score }) => score > found[0]!.score / 2).map(({ xyxy }) => xyxy);
  return { counted, lost: boxes.filter((box) => !counted.some((other) => overlap(box, other) > 0.9)) };
}
const comesBack = (boxes: readonly Xyxy[], photo: Picture, share: number | null): boolean => {
  const { counted, lost } = roundTrip(boxes, photo, share);
  return lost.length === 0 && counted.length === boxes.length;
};

describe("outlines of 4 pixels", () => {
  it.each<[string, number, Xyxy]>([
    ["a large one with all edges between two cells", 512, [74, 40, 463, 480]],
    ["a large one", 256, [37, 20, 232, 240]],
    ["a narrow one within two cells", 512, [359, 4, 384, 56]],
    ["a flat one at the border", 512, [0, 359, 196, 385]],
    ["a small one", 512, [44, 149, 56, 156]],
    ["a flat one whose outline contains a thinner outline", 128, [11, 94, 120, 106]],
    ["one in the corner, whose lines start after the last cell's middle", 512, [97, 20, 512, 512]],
    ["one as large as the picture", 512, [0, 0, 512, 512]],
    ["one at the last pixels of a frame that is no multiple of a cell", 387, [340, 350, 387, 387]],
  ])("give back %s, at %i pixels: %j", (_, side, box) => {
    expect(roundTrip([box], grey(side), null)).toEqual({ counted: [box], lost: [] });
  });

  it("give back small boxes beside long ones, whose lines look like many thin rectangles", () => {
    for (const boxes of [
      [
        [43, 37, 512, 183],
        [36, 325, 230, 353],
        [6, 180, 22, 480],
        [152, 222, 164, 242],
      ],
      [
        [318, 445, 355, 469],
        [45, 29, 96, 512],
        [124, 430, 162, 445],
        [456, 379, 491, 432],
      ],
    ] as Xyxy[][])
      expect(roundTrip(boxes, grey(512), null).lost).toEqual([]);
  });

  it.each(Object.keys(photos))("give back one to four boxes, from 64 to 512 pixels, on a %s", async (kind) => {
    const side = fc.oneof(fc.constantFrom(96, 128, 256, 512), fc.integer({ min: 64, max: 512 }));
    await fc.assert(
      fc.asyncProperty(side, side, fc.integer({ min: 1, max: 4 }), fc.nat(), async (width, height, count, seed) => {
        const rng = createRng(seed);
        const boxes = boxesOf(count, { width, height }, 12, 2, rng);
        return comesBack(boxes, await photos[kind]!({ width, height }, rng), null);
      }),
      { numRuns: 30, seed: 5 },
    );
  });

  it("give back most boxes of 6 to 11 pixels a side too, whose outlines are thinner", () => {
    const rng = createRng(12);
    for (const side of [128, 256, 512]) {
      let lost = 0;
      for (let i = 0; i < 20; i++) {
        const [x, y] = [rng.int(side - 12), rng.int(side - 12)];
        lost += roundTrip([[x, y, x + 6 + rng.int(6), y + 6 + rng.int(6)]], grey(side), null).lost.length;
      }
      expect(lost).toBeLessThanOrEqual(1);
    }
  });
});

describe("broad outlines", () => {
  // Of narrow boxes the outline may be thinner than a cell of the coarse grid, and the fit then end beside it.
  it.each([
    [0.2, 256, 1],
    [0.2, 512, 0.95],
    [0.12, 256, 0.9],
    [0.12, 512, 0.9],
  ])("of %f of the shorter side give back one box at %i pixels", async (share, side, least) => {
    const rng = createRng(side);
    const size = { width: side, height: side };
    const runs = 30;
    let exact = 0;
    for (let i = 0; i < runs; i++)
      if (comesBack(boxesOf(1, size, 24, 0, rng), await photos.photo!(size, rng), share)) exact++;
    expect(exact).toBeGreaterThanOrEqual(least * runs);
  });

  it("give back a box beside one of thirty times its area", () => {
    const pair: Xyxy[] = [
      [85, 55, 479, 473],
      [1, 90, 51, 153],
    ];
    expect(roundTrip(pair, grey(512), 0.2).lost).toEqual([]);
  });
});
