import { expect, test } from "vitest";
import { resizeBilinear } from "../image/resample.js";
import { createRng } from "../random.js";
import { cropResize, cropResizeDepth, drawCrop, jitterColours } from "./augment.js";

const side = 12;
const frame = { width: side, height: side };
const rng = createRng("augment");
const photo = Uint8Array.from({ length: side * side * 3 }, () => rng.int(256));

test("the whole frame at its own size is the photo; mirrored, its rows are reversed", () => {
  const same = cropResize(photo, side, 3, [0, 0, side, side], frame, false);
  expect([...same]).toEqual([...photo]);
  const mirrored = cropResize(photo, side, 3, [0, 0, side, side], frame, true);
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
  const found = cropResize(photo, side, 3, [left, top, right, bottom], size, false);
  // Away from the border, where one repeats the crop's edge and the other sees the photo beyond it.
  for (let y = 2; y < 14; y++) {
    for (let i = (y * 16 + 2) * 3; i < (y * 16 + 14) * 3; i++) expect(found[i]).toBeCloseTo(expected[i]!, 3);
  }
});

test("depth is averaged over known pixels only", () => {
  const millimetres = Uint16Array.from({ length: 16 }, (_, i) => (i % 4 < 2 ? 0 : 3000));
  const metres = cropResizeDepth(millimetres, 4, [0, 0, 4, 4], 8, false);
  const row = [...metres.subarray(0, 8)];
  expect(row.slice(0, 3)).toEqual([0, 0, 0]);
  expect(row.slice(3)).toEqual([3, 3, 3, 3, 3]);
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
  expect(jitterColours(rng, pixels, frame, { brightness: 0, contrast: 0, saturation: 0 }).data).toEqual(photo);
  const grey = new Float32Array(side * side * 3).fill(100);
  const { data } = jitterColours(rng, grey, frame, { brightness: 0.3, contrast: 0.3, saturation: 0.9 });
  expect(new Set(data).size).toBe(1);
  expect(data[0]).not.toBe(100);
});
