import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeRle, encodeRle, fillRuns, rleArea } from "./rle.js";

interface Golden {
  name: string;
  size: [number, number];
  mask: string;
  counts: string;
  area: number;
}
// Written by scripts/oracles/rle.py with pycocotools.
const goldens = JSON.parse(readFileSync(new URL("../../tests/goldens/rle.json", import.meta.url), "utf8")) as Golden[];

describe("run lengths", () => {
  it.each(goldens)("equal pycocotools: $name", ({ size, mask, counts, area }) => {
    const pixels = Uint8Array.from(mask, Number);
    const rle = encodeRle(pixels, { height: size[0], width: size[1] });
    expect(rle).toEqual({ size, counts });
    expect(decodeRle(rle)).toEqual(pixels);
    expect(rleArea(rle)).toBe(area);
  });

  it("survive a round trip", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer(),
        (width, height, density, seed) => {
          const mask = Uint8Array.from({ length: width * height }, (_, i) =>
            Math.abs(Math.sin(i * 12.9898 + seed)) < density ? 1 : 0,
          );
          expect(decodeRle(encodeRle(mask, { width, height }))).toEqual(mask);
        },
      ),
    );
  });

  it("count only ones as inside", () => {
    expect(rleArea(encodeRle(Uint8Array.from([0, 1, 255, 1]), { width: 2, height: 2 }))).toBe(2);
  });

  it("refuse what does not fill the mask or is corrupt", () => {
    expect(() => fillRuns([1, 2], { width: 2, height: 2 })).toThrow(/cover 3 pixels, expected 4/);
    expect(() => decodeRle({ size: [5, 5], counts: "P" })).toThrow(/corrupt/);
    expect(() => decodeRle({ size: [5, 5], counts: "\x01" })).toThrow(/corrupt/);
  });
});
