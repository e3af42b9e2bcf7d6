import { expect, test } from "vitest";
import { resizeBilinear } from "../image/resample.js";
import { createRng } from "../random.js";
import { cropResize, drawCrop, drawJitter, jitterColours } from "./augment.js";

const side = 12;
const frame = { width: side, height: side };
const rng = createRng("augment");
const photo = Uint8Array.from({ length: side * side * 3 }, () => rng.int(256));

test("the whole frame at its own size is the photo; mirrored, its rows are reversed", () => {
  const same = cropResize(photo, side, [0, 0, side, side], frame, false);
  expect([...same]).toEqual([...photo]);
  const mirrored = cropResize(photo, side, [0, 0, side, side], frame, true);
  for (let x = 0; x < side; x++) {
    expect([...mirrored.subarray(x * 3, x * 3 + 3)]).toEqual([...photo.subarray((side - 1 - x) * 3, (side - x) * 3)]);
  }
});

test("a crop is bilinear with half-pixel centres, like the resampling of everything else", () => {
  const [left, top, right, bottom] = [2, 3, 10, 11];
  const cut = new Float32Array(8 * 8 * 3);
  for (let y = 0; y < 8; y++) {
    cut.set(photo.subarray(((y + top) * side + left) * 3, ((y + top) * side + right) * 3), y * 8 * 3);
  }
  const size = { width: 16, height: 16 };
  const expected = resizeBilinear(cut, { width: 8, height: 8 }, size, 3);
  const found = cropResize(photo, side, [left, top, right, bottom], size, false);
  // Away from the border, where one repeats the crop's edge and the other sees the photo beyond it.
  for (let y = 2; y < 14; y++) {
    for (let i = (y * 16 + 2) * 3; i < (y * 16 + 14) * 3; i++) expect(found[i]).toBeCloseTo(expected[i]!, 3);
  }
});

test("crops lie inside the frame, in whole pixels, with the area and aspect asked for", () => {
  const range = { scale: [0.4, 0.9], aspect: [0.75, 1.333] } as const;
  for (let i = 0; i < 500; i++) {
    const crop = drawCrop(rng, 128, range);
    const [x1, y1, x2, y2] = crop;
    expect(crop.every(Number.isInteger)).toBe(true);
    expect(Math.min(x1, y1)).toBeGreaterThanOrEqual(0);
    expect(Math.max(x2, y2)).toBeLessThanOrEqual(128);
    const share = ((x2 - x1) * (y2 - y1)) / 128 ** 2;
    expect(share).toBeGreaterThan(0.38);
    expect(share).toBeLessThan(0.92);
  }
  expect(drawCrop(rng, 128, null)).toEqual([0, 0, 128, 128]);
});

test("no jitter rounds; jitter changes brightness but keeps grey grey", () => {
  const pixels = Float32Array.from(photo);
  expect(jitterColours(pixels, frame, drawJitter(rng, { brightness: 0, contrast: 0, saturation: 0 })).data).toEqual(
    photo,
  );
  const grey = new Float32Array(side * side * 3).fill(100);
  const { data } = jitterColours(grey, frame, drawJitter(rng, { brightness: 0.3, contrast: 0.3, saturation: 0.9 }));
  expect(new Set(data).size).toBe(1);
  expect(data[0]).not.toBe(100);
});

test("colours change in their order: brightness, contrast about the mean grey, saturation about each grey", () => {
  const strengths = { brightness: 0.3, contrast: 0.4, saturation: 0.5 };
  const luma = (r: number, g: number, b: number) => 0.299 * r + 0.587 * g + 0.114 * b;
  for (let seed = 0; seed < 10; seed++) {
    const draws = createRng(`jitter/${seed}`);
    const [brightness, contrast, saturation] = [0.3, 0.4, 0.5].map((j) => 1 + j * (2 * draws.next() - 1)) as [
      number,
      number,
      number,
    ];
    const pixels = Float32Array.from(photo);
    const bright = pixels.map((value) => value * brightness);
    let mean = 0;
    for (let i = 0; i < bright.length; i += 3) mean += luma(bright[i]!, bright[i + 1]!, bright[i + 2]!) / side ** 2;
    const contrasted = bright.map((value) => mean + contrast * (value - mean));
    const { data } = jitterColours(pixels, frame, drawJitter(createRng(`jitter/${seed}`), strengths));
    for (let i = 0; i < data.length; i++) {
      const first = i - (i % 3);
      const grey = luma(contrasted[first]!, contrasted[first + 1]!, contrasted[first + 2]!);
      const wanted = Math.min(255, Math.max(0, grey + saturation * (contrasted[i]! - grey)));
      expect(Math.abs(data[i]! - wanted)).toBeLessThan(0.51);
    }
  }
});
