import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Xyxy } from "../tasks/task.js";
import type { Size } from "./picture.js";
import { forEachCell, resizeBilinear, resizeNearest, wholeCrop } from "./resample.js";

describe("resizeBilinear", () => {
  // torch.nn.functional.interpolate(arange(12).reshape(1, 1, 3, 4) ** 1.5, size, mode="bilinear", align_corners=False)
  const ramp = Float32Array.from({ length: 12 }, (_, i) => i ** 1.5);
  it.each([
    [
      { width: 7, height: 5 },
      [
        0, 0.3571, 0.9286, 1.9142, 2.9976, 4.3505, 5.1962, 3.2, 3.8686, 4.9384, 6.324, 7.7865, 9.4722, 10.5258, 8,
        9.1358, 10.9532, 12.9386, 14.97, 17.1548, 18.5203, 16.7765, 18.1678, 20.3939, 22.7623, 25.17, 27.7102, 29.2978,
        22.6274, 24.1891, 26.6877, 29.3114, 31.9699, 34.7471, 36.4829,
      ],
    ],
    [{ width: 2, height: 2 }, [2.7725, 7.1614, 21.0078, 29.6918]],
  ])("equals PyTorch at %o", (to, expected) => {
    const out = resizeBilinear(ramp, { width: 4, height: 3 }, to, 1);
    expect(out.length).toBe(expected.length);
    for (let i = 0; i < out.length; i++) expect(Math.abs(out[i]! - expected[i]!)).toBeLessThan(1e-3);
  });

  it("keeps channels apart and stays within the range of its input", () => {
    const side = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(side, side, side, side, (w, h, w2, h2) => {
        const one = Float32Array.from({ length: w * h }, (_, i) => Math.sin(i * 3.7));
        const two = new Float32Array(w * h * 2);
        one.forEach((v, i) => {
          two[2 * i] = v;
          two[2 * i + 1] = 5;
        });
        const from = { width: w, height: h };
        const to = { width: w2, height: h2 };
        const single = resizeBilinear(one, from, to, 1);
        const both = resizeBilinear(two, from, to, 2);
        const [low, high] = [Math.min(...one), Math.max(...one)];
        single.forEach((v, i) => {
          expect(v).toBeGreaterThanOrEqual(low - 1e-6);
          expect(v).toBeLessThanOrEqual(high + 1e-6);
          expect(both[2 * i]).toBe(v);
          expect(both[2 * i + 1]).toBe(5);
        });
      }),
    );
  });
});

describe("resizeNearest", () => {
  it("repeats and thins pixels evenly", () => {
    const grid = Uint8Array.from({ length: 12 }, (_, i) => i);
    const from = { width: 4, height: 3 };
    expect([...resizeNearest(grid, from, { width: 2, height: 3 })]).toEqual([1, 3, 5, 7, 9, 11]);
    expect([...resizeNearest(grid, from, { width: 4, height: 6 }).subarray(0, 8)]).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
    expect(resizeNearest(grid, from, from)).toEqual(grid);
    expect(resizeNearest(Float32Array.from(grid), from, { width: 1, height: 1 })).toEqual(Float32Array.from([6]));
  });
});

describe("forEachCell", () => {
  const frame = { width: 4, height: 3 };
  const walk = (crop: Xyxy, to: Size, flip: boolean) => {
    const seen: number[][] = [];
    forEachCell(frame, crop, to, flip, (index, ...cell) => {
      seen[index] = cell;
    });
    return seen;
  };

  it("gives each output pixel its input pixels", () => {
    expect(walk([0, 0, 4, 3], { width: 2, height: 1 }, false)).toEqual([
      [0, 0, 2, 3],
      [2, 0, 4, 3],
    ]);
    expect(walk([1, 1, 3, 3], { width: 2, height: 2 }, true)).toEqual([
      [2, 1, 3, 2],
      [1, 1, 2, 2],
      [2, 2, 3, 3],
      [1, 2, 2, 3],
    ]);
    expect(walk([3, 2, 4, 3], { width: 1, height: 2 }, false)).toEqual([
      [3, 2, 4, 3],
      [3, 2, 4, 3],
    ]);
  });

  it("visits every pixel of the crop just once when shrinking", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        (width, height, flip) => {
          const pixels = walk([0, 0, 4, 3], { width, height }, flip).map(
            ([x1, y1, x2, y2]) => (x2! - x1!) * (y2! - y1!),
          );
          expect(pixels.length).toBe(width * height);
          expect(pixels.reduce((a, b) => a + b)).toBe(12);
        },
      ),
    );
  });
});

describe("wholeCrop", () => {
  it("stays inside the frame and keeps a pixel", () => {
    const side = fc.double({ min: -20, max: 60, noNaN: true });
    fc.assert(
      fc.property(side, side, side, side, (a, b, c, d) => {
        const [x1, y1, x2, y2] = wholeCrop([Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)], {
          width: 30,
          height: 20,
        });
        expect(x1).toBeGreaterThanOrEqual(0);
        expect(y1).toBeGreaterThanOrEqual(0);
        expect(x2).toBeLessThanOrEqual(30);
        expect(y2).toBeLessThanOrEqual(20);
        expect(Math.min(x2 - x1, y2 - y1)).toBeGreaterThanOrEqual(1);
      }),
    );
    expect(wholeCrop([1.4, 2.6, 9.5, 10], { width: 30, height: 20 })).toEqual([1, 3, 10, 10]);
  });
});
