/** Which part of a photo is drawn at which size, against the original's rule, and the way back. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { extendDrawing, frameOf, wholeFrame } from "./framing.js";

describe("crop", () => {
  // Printed by the four lines of edit_cli.py and the box of Pillow's ImageOps.fit, in Python.
  const cases: [photo: [number, number], resolution: number, size: [number, number], crop: number[]][] = [
    [[640, 480], 512, [512, 384], [0, 0, 640, 480]],
    [[640, 427], 512, [512, 384], [35, 0, 605, 427]],
    [[427, 640], 512, [384, 512], [0, 35, 427, 605]],
    [[500, 375], 256, [256, 192], [0, 0, 500, 375]],
    [[1000, 100], 512, [640, 64], [0, 0, 1000, 100]],
    [[333, 333], 512, [512, 512], [0, 0, 333, 333]],
    [[1024, 683], 768, [832, 576], [19, 0, 1005, 683]],
    [[30, 50], 512, [320, 512], [0, 1, 30, 49]],
  ];
  test.each(cases)("a photo of %j at %i is drawn at %j", ([width, height], resolution, size, crop) => {
    const frame = frameOf({ width, height }, resolution, "crop", 8);
    expect([frame.size.width, frame.size.height]).toEqual(size);
    expect(frame.crop).toEqual(crop);
  });

  test("sides are multiples of 64, the crop lies in the middle, keeps the aspect and touches two borders", () => {
    const side = fc.integer({ min: 1, max: 6000 });
    fc.assert(
      fc.property(side, side, fc.integer({ min: 1, max: 32 }), (width, height, steps) => {
        const { size, crop } = frameOf({ width, height }, steps * 64, "crop", 8);
        expect(size.width % 64).toBe(0);
        expect(size.height % 64).toBe(0);
        expect(Math.min(size.width, size.height)).toBeGreaterThanOrEqual(64);
        const [x1, y1, x2, y2] = crop;
        expect(Math.abs(x1 - (width - x2))).toBeLessThanOrEqual(1);
        expect(Math.abs(y1 - (height - y2))).toBeLessThanOrEqual(1);
        expect((x1 === 0 && x2 === width) || (y1 === 0 && y2 === height)).toBe(true);
        // One of the crop's sides is rounded to a pixel.
        const exact = [size.width * (y2 - y1), size.height * (x2 - x1)] as const;
        expect(Math.abs(exact[0] - exact[1])).toBeLessThanOrEqual(Math.max(size.width, size.height) * 1.001);
      }),
    );
  });

  test("squash takes the whole photo to a square; a resolution that does not fit is refused", () => {
    const frame = frameOf({ width: 30, height: 20 }, 96, "squash", 4);
    expect(frame).toEqual({ size: { width: 96, height: 96 }, crop: [0, 0, 30, 20] });
    const bad = (resolution: number, fit: "squash" | "crop") => () =>
      frameOf({ width: 9, height: 9 }, resolution, fit, 4);
    expect(bad(98, "squash")).toThrow(/resolution must be a multiple of 4 from 4 to 2048, found 98/);
    expect(bad(96, "crop")).toThrow(/a multiple of 64 from 64 to 2048, found 96/);
    expect(bad(4096, "crop")).toThrow(/found 4096/);
    expect(bad(0, "squash")).toThrow(/found 0/);
  });
});

test("a drawing is laid over the whole photo where it was taken from, its borders continued", () => {
  const photo = { width: 640, height: 427 };
  const frame = frameOf(photo, 512, "crop", 8);
  const whole = wholeFrame(frame, photo);
  // 35 of 640 pixels are left out on each side, at 512 drawn pixels for 570.
  expect(whole).toEqual({ size: { width: 31 + 512 + 31, height: 384 }, at: [31, 0, 543, 384] });
  const drawn = { ...frame.size, data: Float32Array.from({ length: 512 * 384 * 3 }, (_, i) => i) };
  const { data, width } = extendDrawing(drawn, whole);
  const pixel = (x: number, y: number) => data[3 * (y * width + x)];
  expect([pixel(0, 5), pixel(30, 5), pixel(31, 5)]).toEqual(Array(3).fill(drawn.data[3 * 5 * 512]));
  expect(pixel(32, 5)).toBe(drawn.data[3 * (5 * 512 + 1)]);
  expect([pixel(542, 383), pixel(573, 383)]).toEqual(Array(2).fill(drawn.data[3 * (383 * 512 + 511)]));
  expect(extendDrawing(drawn, { size: frame.size, at: [0, 0, 512, 384] })).toBe(drawn);
});
