import { expect, test } from "vitest";
import type { Picture } from "../image/picture.js";
import type { TaskResult } from "../tasks/task.js";
import { drawOverlay } from "./overlay.js";
import { turbo } from "./turbo.js";

const size = { width: 120, height: 80 };
const photo: Picture = { ...size, data: new Uint8Array(120 * 80 * 3).fill(100) };
const pixels = 120 * 80;
const at = ({ data, width }: Picture, x: number, y: number) =>
  Array.from(data.slice((y * width + x) * 3, (y * width + x) * 3 + 3));

function overlay(result: object, category: string | null): Picture {
  const before = Uint8Array.from(photo.data);
  const drawn = drawOverlay(photo, { ...result, size, admissibility: 1 } as TaskResult, category);
  expect(Buffer.from(before).equals(photo.data), "the photo is left alone").toBe(true);
  expect([drawn.width, drawn.height]).toEqual([120, 80]);
  return drawn;
}

test("a mask is tinted inside and dark outside", () => {
  const mask = new Uint8Array(pixels);
  for (let y = 30; y < 70; y++) mask.fill(1, y * 120 + 40, y * 120 + 100);
  const drawn = overlay({ task: "segmentation", mask, area: 2400, score: 0.9 }, "cat");
  expect(at(drawn, 10, 50)).toEqual([55, 55, 55]);
  expect(at(drawn, 70, 50)[0]).toBeGreaterThan(140);
  expect(at(drawn, 40, 50)[0]).toBeGreaterThan(240);
});

test("boxes are outlined; without one the label says so", () => {
  const box = { xyxy: [20, 30, 100, 70], score: 0.8, label: "dog" };
  const drawn = overlay({ task: "detection", boxes: [box] }, "dog");
  expect(at(drawn, 20, 50)).toEqual([230, 159, 0]);
  expect(at(drawn, 60, 50)).toEqual([100, 100, 100]);
  const weak = { xyxy: [60, 40, 110, 90], score: 0.3, label: "dog" };
  expect(overlay({ task: "detection", boxes: [box, weak] }, "dog")).toEqual(drawn);
  const second = { ...weak, score: 0.5 };
  expect(at(overlay({ task: "detection", boxes: [box, second] }, "dog"), 80, 89)).not.toEqual([100, 100, 100]);
  expect(at(overlay({ task: "detection", boxes: [] }, "dog"), 0, 0)).toEqual([24, 24, 28]);
});

test("near is red, far is blue, also when everything is equally far", () => {
  const metres = Float32Array.from({ length: pixels }, (_, i) => 1 + (i % 120) / 30);
  const drawn = overlay({ task: "depth", metres, min: 1, max: 1 + 119 / 30 }, null);
  expect(at(drawn, 0, 0)).toEqual([...turbo(1)]);
  expect(at(drawn, 119, 0)).toEqual([...turbo(0)]);
  expect(turbo(0.9)[0]).toBeGreaterThan(turbo(0.9)[2]);
  expect(turbo(0.15)[2]).toBeGreaterThan(turbo(0.15)[0]);
  const flat = overlay({ task: "depth", metres: new Float32Array(pixels).fill(2), min: 2, max: 2 }, null);
  expect(at(flat, 60, 10)).toEqual([...turbo(1)]);
});

test("a present category is framed in green, an absent one in red", () => {
  const [r, g] = at(overlay({ task: "classification", present: true, probability: 0.9 }, "cat"), 119, 79);
  expect(g).toBeGreaterThan(r!);
  const [red, green] = at(overlay({ task: "classification", present: false, probability: 0.1 }, "cat"), 119, 79);
  expect(red).toBeGreaterThan(green!);
});
