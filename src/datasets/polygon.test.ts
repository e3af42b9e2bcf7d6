import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { encodeRle } from "../tasks/rle.js";
import { fillSegmentation, type Segmentation } from "./coco-masks.js";
import { fillPolygon } from "./polygon.js";

/** Made by scripts/oracles/coco_masks.py with pycocotools. */
const goldens = JSON.parse(readFileSync(new URL("../../tests/goldens/coco-masks.json", import.meta.url), "utf8")) as {
  name: string;
  height: number;
  width: number;
  segmentation: Segmentation;
  counts: string;
  area: number;
}[];

describe("regions of COCO", () => {
  it.each(goldens)("fills $name as pycocotools does", ({ name, height, width, segmentation, counts, area }) => {
    const mask = new Uint8Array(width * height);
    fillSegmentation(mask, { width, height }, segmentation, 1, name);
    expect(mask.reduce((sum, v) => sum + v, 0)).toBe(area);
    expect(encodeRle(mask, { width, height }).counts).toBe(counts);
  });

  it("reads packed run lengths like plain ones", () => {
    for (const { name, height, width, counts, area } of goldens) {
      const mask = new Uint8Array(width * height);
      fillSegmentation(mask, { width, height }, { size: [height, width], counts }, 255, name);
      expect(mask.filter((v) => v === 255).length).toBe(area);
    }
  });

  it("leaves the rest of the mask alone", () => {
    const mask = new Uint8Array(16).fill(7);
    fillPolygon(mask, { width: 4, height: 4 }, [0, 0, 2, 0, 2, 2, 0, 2], 1);
    expect([...mask]).toEqual([1, 1, 7, 7, 1, 1, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]);
  });

  it("covers nothing with fewer than three corners", () => {
    const mask = new Uint8Array(16);
    fillPolygon(mask, { width: 4, height: 4 }, [0, 0, 4, 4], 1);
    expect(mask.some((v) => v !== 0)).toBe(false);
  });

  it("refuses run lengths of another size", () => {
    const bad = { size: [3, 4] as const, counts: [12] };
    expect(() => fillSegmentation(new Uint8Array(16), { width: 4, height: 4 }, bad, 1, "it")).toThrow(
      /it: run lengths for 4x3 in an image of 4x4/,
    );
  });
});
