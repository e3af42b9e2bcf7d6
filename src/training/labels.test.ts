import fc from "fast-check";
import { expect, test } from "vitest";
import { createRng } from "../random.js";
import type { Xyxy } from "../tasks/task.js";
import { cropResize } from "./augment.js";
import { cropDepth, cropMask, visiblePart } from "./labels.js";

/** A square raster of values drawn from `values` in blobs, a crop of it and the size and mirroring of the result. */
const cases = fc
  .record({ side: fc.integer({ min: 1, max: 14 }), seed: fc.integer(), flip: fc.boolean() })
  .chain(({ side, seed, flip }) =>
    fc.record({
      side: fc.constant(side),
      seed: fc.constant(seed),
      flip: fc.constant(flip),
      crop: fc
        .tuple(fc.nat(side - 1), fc.nat(side - 1), fc.nat(side - 1), fc.nat(side - 1))
        .map(([a, b, c, d]): Xyxy => [Math.min(a, b), Math.min(c, d), Math.max(a, b) + 1, Math.max(c, d) + 1]),
      size: fc.record({ width: fc.integer({ min: 1, max: 20 }), height: fc.integer({ min: 1, max: 20 }) }),
    }),
  );

function raster(side: number, seed: number, values: readonly number[]): number[] {
  const rng = createRng(seed);
  const rows: number[] = [];
  for (let i = 0; i < side * side; i++) rows.push(i > 0 && rng.next() < 0.6 ? rows[i - 1]! : rng.pick(values));
  return rows;
}

/** The bilinear weight of a value, measured by the resampling of photos. */
function weightOf(
  value: number,
  labels: readonly number[],
  one: { side: number; crop: Xyxy; flip: boolean },
  size: { width: number; height: number },
) {
  const photo = Uint8Array.from({ length: labels.length * 3 }, (_, i) => (labels[Math.floor(i / 3)] === value ? 1 : 0));
  const found = cropResize(photo, one.side, one.crop, size, one.flip);
  return Float32Array.from({ length: found.length / 3 }, (_, p) => found[p * 3]!);
}

test("a mask's pixels are what most of the known weight is, unknown where most of all weight is, and nothing else", () => {
  fc.assert(
    fc.property(cases, ({ side, seed, crop, flip, size }) => {
      const labels = raster(side, seed, [0, 128, 255]);
      const cut = cropMask(Uint8Array.from(labels), side, crop, size, flip);
      const [outside, unknown, inside] = [0, 128, 255].map((value) =>
        weightOf(value, labels, { side, crop, flip }, size),
      );
      cut.forEach((grey, p) => {
        expect([0, 128, 255]).toContain(grey);
        const [no, open, yes] = [outside![p]!, unknown![p]!, inside![p]!];
        // Away from ties, which rounding may break either way here.
        if (Math.abs(open - 0.5) > 1e-5) expect(grey === 128).toBe(open > 0.5);
        if (grey !== 128 && Math.abs(yes - no) > 1e-5) expect(grey === 255).toBe(yes > no);
      });
    }),
  );
});

test("a mask of one value stays of that value", () => {
  fc.assert(
    fc.property(cases, fc.constantFrom(0, 128, 255), ({ side, crop, flip, size }, grey) => {
      const cut = cropMask(new Uint8Array(side * side).fill(grey), side, crop, size, flip);
      expect(new Set(cut)).toEqual(new Set([grey]));
    }),
  );
});

test("an equal vote is for the category, mirrored or not", () => {
  const mask = Uint8Array.from([0, 255, 0, 255]);
  for (const flip of [false, true]) {
    expect([...cropMask(mask, 2, [0, 0, 2, 2], { width: 1, height: 1 }, flip)]).toEqual([255]);
  }
  const half = Uint8Array.from([128, 0, 128, 255]);
  expect([...cropMask(half, 2, [0, 0, 2, 2], { width: 1, height: 1 }, false)]).toEqual([255]);
});

test("a depth is one of the source's, the nearest known; unknown only without a known neighbour", () => {
  fc.assert(
    fc.property(cases, ({ side, seed, crop, flip, size: { width: out } }) => {
      const labels = raster(side, seed, [0, 0, 800, 2000, 7123]);
      const square = { width: out, height: out };
      const metres = cropDepth(Uint16Array.from(labels), side, crop, out, flip);
      const values = [800, 2000, 7123];
      const weights = values.map((value) => weightOf(value, labels, { side, crop, flip }, square));
      metres.forEach((value, p) => {
        const known = weights.reduce((sum, weight) => sum + weight[p]!, 0);
        if (value === 0) expect(known).toBeLessThan(1e-6);
        const which = values.findIndex((one) => Math.fround(one / 1000) === value);
        expect(which >= 0 || value === 0).toBe(true);
        // The nearest of four neighbours has at least a quarter of what is known.
        if (which >= 0) expect(weights[which]![p]!).toBeGreaterThanOrEqual(known / 4 - 1e-6);
      });
    }),
  );
});

test("a depth edge moves but invents no distance", () => {
  const millimetres = Uint16Array.from({ length: 16 }, (_, i) => (i % 4 < 2 ? 1000 : 9000));
  const row = [...cropDepth(millimetres, 4, [0, 0, 4, 4], 7, false).subarray(0, 7)];
  expect(row).toEqual([1, 1, 1, 1, 9, 9, 9]);
  const holes = Uint16Array.from({ length: 16 }, (_, i) => (i % 4 < 2 ? 0 : 3000));
  expect([...cropDepth(holes, 4, [0, 0, 4, 4], 8, false).subarray(0, 8)]).toEqual([0, 0, 0, 3, 3, 3, 3, 3]);
});

test("what a crop shows of a box, in the pixels of the result", () => {
  const crop: Xyxy = [10, 20, 50, 40];
  const size = { width: 80, height: 40 };
  expect(visiblePart([0, 0, 15, 30], crop, size, false)).toEqual([0, 0, 10, 20]);
  expect(visiblePart([0, 0, 15, 30], crop, size, true)).toEqual([70, 0, 80, 20]);
  expect(visiblePart([48.2, 21.3, 99, 22.1], crop, size, false)).toEqual([76, 2, 80, 5]);
  expect(visiblePart([0, 0, 10, 30], crop, size, false)).toBeNull();
  expect(visiblePart([20, 40, 30, 60], crop, size, false)).toBeNull();
});
