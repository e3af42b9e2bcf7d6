import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FloatPicture, Picture } from "../image/picture.js";
import { createRng, type Rng } from "../random.js";
import { toFloatPicture } from "./codec.js";
import { detection } from "./detection.js";
import { overlap } from "./outlines/edges.js";
import { outlineStrength, thicknessOf } from "./outlines/strength.js";
import type { Xyxy } from "./task.js";

const slots = { category: "dog" };
const label = (side: number, boxes: readonly Xyxy[]) => ({
  task: "detection" as const,
  width: side,
  height: side,
  boxes,
});
/** A photo with soft shapes and some texture. */
function photoOf(side: number, rng: Rng): Picture {
  const [phase, tilt] = [rng.next() * 6, rng.next() * 6];
  const data = new Uint8Array(side * side * 3);
  for (let i = 0; i < data.length; i++) {
    const p = Math.floor(i / 3);
    data[i] =
      127 + 60 * Math.sin((p % side) / 10 + phase) + 50 * Math.cos(p / side / 13 + tilt + (i % 3)) + rng.int(17);
  }
  return { width: side, height: side, data };
}
const parallel = [
  [0, 0],
  [0, 2],
  [2, 0],
  [2, 2],
  [1, 1],
  [1, 3],
  [3, 1],
  [3, 3],
] as const;
/** Up to `count` random boxes of at least `min` a side whose outlines do not run along one another. */
function boxesOf(count: number, side: number, min: number, most: number, rng: Rng): Xyxy[] {
  const boxes: Xyxy[] = [];
  for (let tries = 0; tries < 400 && boxes.length < count; tries++) {
    const [w, h] = [min + rng.int(side - min), min + rng.int(side - min)];
    const [x, y] = [rng.int(side - w + 1), rng.int(side - h + 1)];
    const box: Xyxy = [x, y, x + w, y + h];
    const apart = boxes.every(
      (b) => overlap(b, box) < most && parallel.every(([i, j]) => Math.abs(b[i] - box[j]) >= 8),
    );
    if (apart) boxes.push(box);
  }
  return boxes;
}
const near = (a: Xyxy, b: Xyxy) => a.every((v, i) => Math.abs(v - b[i]!) <= 2);

/** What an uncertain one-step sampler draws: the outlines blurred and faint, with noise everywhere. */
function faint(
  photo: Picture,
  boxes: readonly Xyxy[],
  sigma: number,
  strength: number,
  noise: number,
  rng: Rng,
): FloatPicture {
  const { width: side } = photo;
  const sharp = detection.encode(
    label(side, boxes),
    { ...photo, data: new Uint8Array(photo.data.length).fill(255) },
    slots,
  );
  let line = Float32Array.from({ length: side * side }, (_, p) => 1 - sharp.data[3 * p]! / 255);
  for (const [step, other] of [
    [1, side],
    [side, 1],
  ] as const) {
    const blurred = new Float32Array(line.length);
    const reach = Math.ceil(3 * sigma);
    for (let u = 0; u < side; u++)
      for (let v = 0; v < side; v++) {
        let sum = 0;
        let total = 0;
        for (let k = Math.max(0, v - reach); k <= Math.min(side - 1, v + reach); k++) {
          const weight = Math.exp(-((k - v) ** 2) / (2 * sigma * sigma));
          sum += weight * line[u * other + k * step]!;
          total += weight;
        }
        blurred[u * other + v * step] = sum / total;
      }
    line = blurred;
  }
  const drawn = toFloatPicture(photo);
  const data = drawn.data.map(
    (v, i) => v + strength * line[Math.floor(i / 3)]! * ((i % 3 === 2 ? 1 : 0) - v) + noise * rng.normal(),
  );
  return { ...drawn, data };
}

describe("detection", () => {
  it("draws inward blue outlines of 4 pixels on a copy of the photo", () => {
    const photo = photoOf(32, createRng(1));
    const before = Uint8Array.from(photo.data);
    const drawn = detection.encode(label(32, [[4, 6, 28, 30]]), photo, slots);
    expect(photo.data).toEqual(before);
    const at = (x: number, y: number) => [...drawn.data.subarray((y * 32 + x) * 3, (y * 32 + x) * 3 + 3)];
    const old = (x: number, y: number) => [...before.subarray((y * 32 + x) * 3, (y * 32 + x) * 3 + 3)];
    for (const [x, y] of [
      [4, 6],
      [7, 20],
      [27, 29],
      [24, 15],
      [15, 9],
      [15, 26],
    ] as const)
      expect(at(x, y)).toEqual([0, 0, 255]);
    for (const [x, y] of [
      [3, 6],
      [8, 15],
      [23, 15],
      [28, 10],
      [15, 10],
      [15, 30],
    ] as const)
      expect(at(x, y)).toEqual(old(x, y));
    expect([thicknessOf(24, 24), thicknessOf(9, 40), thicknessOf(2, 2)]).toEqual([4, 3, 1]);
  });

  it("does not draw into a photo that lies in a Buffer", () => {
    const data = Buffer.alloc(32 * 32 * 3, 100);
    detection.encode(label(32, [[4, 4, 20, 20]]), { width: 32, height: 32, data }, slots);
    expect(data.every((v) => v === 100)).toBe(true);
  });

  /** Draws boxes sharply and reads them back: are these the boxes found, each to within 2 pixels, and no other? */
  const recovers = (boxes: readonly Xyxy[], photo: Picture): boolean => {
    const drawn = toFloatPicture(detection.encode({ ...label(0, boxes), ...photo }, photo, slots));
    const found = detection.decode(drawn, photo, slots, photo).boxes;
    return (
      found.length === boxes.length &&
      boxes.every((box) => found.some(({ xyxy, score }) => near(xyxy, box) && score > 0.9))
    );
  };

  it.each([96, 128])("gives back one or two sharp boxes, crossing, nested or at the border, at %i pixels", (side) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 0, max: 1e6 }), (count, seed) => {
        const rng = createRng(seed);
        const photo = photoOf(side, rng);
        return recovers(boxesOf(count, side, 14, 0.4, rng), photo);
      }),
      { numRuns: 20, seed: 11 },
    );
  });

  it.each([3, 4])(
    "gives back %i sharp boxes, but for rare crossings that other rectangles explain as well",
    (count) => {
      const rng = createRng(count);
      const runs = 20;
      let exact = 0;
      for (let i = 0; i < runs; i++) {
        const photo = photoOf(96, rng);
        if (recovers(boxesOf(count, 96, 14, 0.4, rng), photo)) exact++;
      }
      expect(exact).toBeGreaterThanOrEqual(0.95 * runs);
    },
  );

  it("labels boxes with the category and keeps sharp drawings admissible", () => {
    const photo = photoOf(96, createRng(9));
    const drawn = toFloatPicture(detection.encode(label(96, [[10, 10, 60, 60]]), photo, slots));
    const read = detection.decode(drawn, photo, slots, photo);
    expect(read.boxes.map((box) => box.label)).toEqual(["dog"]);
    expect(read.admissibility).toBeGreaterThan(0.999);
  });

  it.each([
    [2, 0.4, 96],
    [3, 0.4, 96],
    [3, 0.4, 128],
    [3, 0.2, 96],
  ])("finds a blurred box: sigma %f, strength %f, %i pixels", (sigma, strength, side) => {
    const rng = createRng(sigma * 10 + side);
    for (let i = 0; i < 12; i++) {
      const photo = photoOf(side, rng);
      const [box] = boxesOf(1, side, 24, 1, rng);
      const { boxes } = detection.decode(faint(photo, [box!], sigma, strength, 0.05, rng), photo, slots, photo);
      expect(overlap(boxes[0]!.xyxy, box!), `${box}`).toBeGreaterThan(0.7);
      expect(boxes[0]!.score).toBeGreaterThan(0.3 * strength);
      expect(boxes[0]!.score).toBeLessThan(1.5 * strength);
    }
  });

  it("finds two blurred boxes side by side", () => {
    const rng = createRng(8);
    const photo = photoOf(96, rng);
    const pair: Xyxy[] = [
      [5, 20, 40, 80],
      [52, 12, 90, 70],
    ];
    const { boxes } = detection.decode(faint(photo, pair, 3, 0.4, 0.05, rng), photo, slots, photo);
    for (const box of pair)
      expect(Math.max(...boxes.slice(0, 2).map(({ xyxy }) => overlap(xyxy, box)))).toBeGreaterThan(0.7);
  });

  it("scores a faint outline low, but does not lose it", () => {
    const rng = createRng(4);
    const photo = photoOf(96, rng);
    const { boxes } = detection.decode(faint(photo, [[20, 20, 70, 76]], 4, 0.08, 0.01, rng), photo, slots, photo);
    expect(overlap(boxes[0]!.xyxy, [20, 20, 70, 76])).toBeGreaterThan(0.7);
    expect(boxes[0]!.score).toBeGreaterThan(0.02);
    expect(boxes[0]!.score).toBeLessThan(0.15);
  });

  it("finds nothing, or nothing worth a score, in an unchanged photo", () => {
    const rng = createRng(6);
    const photo = photoOf(96, rng);
    const exact = detection.decode(toFloatPicture(photo), photo, slots, photo);
    expect(exact.boxes).toEqual([]);
    expect(exact.admissibility).toBeCloseTo(1, 6);
    const noisy = detection.decode(faint(photo, [], 1, 0, 0.05, rng), photo, slots, photo);
    for (const { score } of noisy.boxes) expect(score).toBeLessThan(0.08);
  });

  it("finds outlines on a photo that is blue itself, less surely", () => {
    const photo = {
      width: 96,
      height: 96,
      data: Uint8Array.from({ length: 96 * 96 * 3 }, (_, i) => [60, 90, 220][i % 3]!),
    };
    const drawn = toFloatPicture(detection.encode(label(96, [[20, 30, 70, 80]]), photo, slots));
    expect(near(detection.decode(drawn, photo, slots, photo).boxes[0]!.xyxy, [20, 30, 70, 80])).toBe(true);
    const pure = { ...photo, data: photo.data.map((_, i) => (i % 3 === 2 ? 255 : 0)) };
    expect(detection.decode(toFloatPicture(pure), pure, slots, photo).boxes).toEqual([]);
  });

  it("scales boxes to the photo's own size", () => {
    const photo = photoOf(96, createRng(2));
    const drawn = toFloatPicture(detection.encode(label(96, [[24, 12, 72, 60]]), photo, slots));
    const { boxes, size } = detection.decode(drawn, photo, slots, { width: 960, height: 480 });
    expect(size).toEqual({ width: 960, height: 480 });
    boxes[0]!.xyxy.forEach((v, i) => {
      expect(Math.abs(v - [240, 60, 720, 300][i]!)).toBeLessThanOrEqual(20);
    });
  });

  it("takes changes other than blue as inadmissible, and survives NaN", () => {
    const photo = photoOf(96, createRng(3));
    const inverted = { ...photo, data: Float32Array.from(photo.data, (v) => 1 - v / 255) };
    expect(detection.decode(inverted, photo, slots, photo).admissibility).toBeLessThan(0.8);
    const broken = { ...photo, data: new Float32Array(photo.data.length).fill(Number.NaN) };
    expect(detection.decode(broken, photo, slots, photo)).toMatchObject({ boxes: [], admissibility: 0 });
    expect(Math.max(...outlineStrength(broken, photo))).toBe(0);
  });

  it("cuts, scales, mirrors and drops boxes", () => {
    const all = label(100, [
      [10, 20, 50, 60],
      [80, 80, 100, 100],
      [0, 0, 12, 100],
    ]);
    const whole = detection.transformLabel(all, [0, 0, 100, 100], { width: 50, height: 50 }, false);
    expect(whole.boxes).toEqual([
      [5, 10, 25, 30],
      [40, 40, 50, 50],
      [0, 0, 6, 50],
    ]);
    const mirrored = detection.transformLabel(all, [0, 0, 100, 100], { width: 50, height: 50 }, true);
    expect(mirrored.boxes).toEqual([
      [25, 10, 45, 30],
      [0, 40, 10, 50],
      [44, 0, 50, 50],
    ]);
    const cut = detection.transformLabel(all, [10, 0, 85, 100], { width: 75, height: 100 }, false);
    // The second keeps 5 of 20 columns (a quarter) but is then 5 pixels wide; the third keeps 2 of 12.
    expect(cut.boxes).toEqual([[0, 20, 40, 60]]);
    expect([cut.width, cut.height]).toEqual([75, 100]);
  });

  it("keeps label and picture aligned through any crop", () => {
    const frame = fc.integer({ min: 40, max: 80 });
    fc.assert(
      fc.property(frame, frame, fc.boolean(), fc.integer(), (width, height, flip, seed) => {
        const rng = createRng(seed);
        const [x1, y1] = [rng.int(10), rng.int(10)];
        const box: Xyxy = [x1, y1, x1 + 20, y1 + 25];
        const crop: Xyxy = [rng.int(5), rng.int(5), width, height];
        const target = { width: crop[2] - crop[0], height: crop[3] - crop[1] };
        const [cut] = detection.transformLabel(
          { task: "detection", width, height, boxes: [box] },
          crop,
          target,
          flip,
        ).boxes;
        const left = Math.max(box[0] - crop[0], 0);
        const right = box[2] - crop[0];
        expect(cut![flip ? 2 : 0]).toBeCloseTo(flip ? target.width - left : left, 9);
        expect(cut![flip ? 0 : 2]).toBeCloseTo(flip ? target.width - right : right, 9);
        expect(cut![3]).toBe(box[3] - crop[1]);
      }),
    );
  });
});
