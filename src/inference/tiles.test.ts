/** Tiles cover everything, blend to what a local operation gives as a whole, and hide their seams. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { processTiles, tileStarts } from "./tiles.js";

test("tiles start at 0, end at the end, and overlap by at least what was asked", () => {
  const sizes = fc.record({ length: fc.integer({ min: 1, max: 300 }), tile: fc.integer({ min: 8, max: 64 }) });
  fc.assert(
    fc.property(sizes, ({ length, tile }) => {
      const overlap = Math.floor(tile / 4);
      const starts = tileStarts(length, tile, overlap);
      expect(starts[0]).toBe(0);
      if (length <= tile) {
        expect(starts).toEqual([0]);
        return;
      }
      expect(starts.at(-1)).toBe(length - tile);
      for (let i = 1; i < starts.length; i++) expect(starts[i]! - starts[i - 1]!).toBeLessThanOrEqual(tile - overlap);
      // No more tiles than it takes.
      expect((starts.length - 1) * (tile - overlap) + overlap).toBeLessThan(length);
    }),
  );
});

const size = { width: 23, height: 14 };
const tile = { width: 8, height: 8 };
const x = Float32Array.from({ length: 2 * 23 * 14 }, (_, i) => Math.sin(i));

test("an operation on single positions gives what it gives on the whole, also where it enlarges or adds channels", async () => {
  const same = await processTiles(x, size, { tile, overlap: 3, scale: 1 }, async (part) => part.map((v) => 2 * v));
  for (const [i, value] of same.entries()) expect(value).toBeCloseTo(2 * x[i]!, 6);

  // [2, 8, 8] to [1, 16, 16]: each position of the first channel twice each way
  const doubled = await processTiles(x, size, { tile, overlap: 3, scale: 2 }, async (part) =>
    Float32Array.from(
      { length: 256 },
      (_, i) => part[Math.floor(Math.floor(i / 16) / 2) * 8 + Math.floor((i % 16) / 2)]!,
    ),
  );
  expect(doubled.length).toBe(46 * 28);
  for (const [i, value] of doubled.entries())
    expect(value).toBeCloseTo(x[Math.floor(Math.floor(i / 46) / 2) * 23 + Math.floor((i % 46) / 2)]!, 6);
});

test("tiles that disagree meet in a ramp, not in an edge", async () => {
  let count = 0;
  const line = { width: 20, height: 8 };
  const flat = await processTiles(
    new Float32Array(160),
    line,
    { tile: { width: 12, height: 8 }, overlap: 4, scale: 1 },
    async () => new Float32Array(96).fill(count++),
  );
  // two tiles, 0..11 with zeros and 8..19 with ones
  expect(count).toBe(2);
  expect(Array.from(flat.subarray(0, 20), (v) => Math.round(v * 1000))).toEqual([
    0, 0, 0, 0, 0, 0, 0, 0, 125, 375, 625, 875, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
  ]);
});
