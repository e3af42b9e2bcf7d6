import { describe, expect, it } from "vitest";
import { createRng, type Rng } from "../../random.js";
import { toFloatPicture } from "../codec.js";
import { detectionWith } from "../detection.js";
import type { Xyxy } from "../task.js";
import { findBroadBoxes } from "./broad.js";
import { overlap } from "./edges.js";

const share = 0.2;
const side = 96;
const codec = detectionWith(share);

/** `count` boxes of at least 14 pixels a side with 12 pixels between them (nearer ones may be found too large). */
function boxesOf(count: number, rng: Rng): Xyxy[] {
  const boxes: Xyxy[] = [];
  for (let i = 0; boxes.length < count && i < 500; i++) {
    const [w, h] = [14 + rng.int(40), 14 + rng.int(40)];
    const [x, y] = [rng.int(side - w + 1), rng.int(side - h + 1)];
    const box: Xyxy = [x, y, x + w, y + h];
    const around: Xyxy = [x - 12, y - 12, x + w + 12, y + h + 12];
    if (boxes.every((other) => overlap(other, around) === 0)) boxes.push(box);
  }
  return boxes;
}

/** Mean of the outlines of a box moved and scaled at random: what one step draws when the place is uncertain. */
function uncertain([x1, y1, x2, y2]: Xyxy, spread: number, rng: Rng): Float32Array {
  const alpha = new Float32Array(side * side);
  const draws = 200;
  for (let i = 0; i < draws; i++) {
    const [dx, dy] = [spread * (x2 - x1), spread * (y2 - y1)];
    const moved = [x1 + dx * rng.normal(), y1 + dy * rng.normal(), x2 + dx * rng.normal(), y2 + dy * rng.normal()];
    const [l, t, r, b] = moved.map(Math.round) as [number, number, number, number];
    const width = share * Math.min(r - l, b - t);
    for (let y = Math.max(0, t); y < Math.min(side, b); y++)
      for (let x = Math.max(0, l); x < Math.min(side, r); x++)
        if (x < l + width || x >= r - width || y < t + width || y >= b - width) alpha[y * side + x]! += 1 / draws;
  }
  return alpha;
}

describe("broad outlines", () => {
  it("are a fifth of the shorter side wide", () => {
    const image = { width: side, height: side, data: new Uint8Array(side * side * 3).fill(200) };
    const drawn = codec.encode({ task: "detection", width: side, height: side, boxes: [[10, 20, 60, 50]] }, image, {
      category: "dog",
    });
    const blue = (x: number, y: number) => drawn.data[3 * (y * side + x)] === 0;
    expect([blue(10, 20), blue(15, 35), blue(16, 35), blue(30, 25), blue(30, 26), blue(59, 49), blue(60, 49)]).toEqual([
      true,
      true,
      false,
      true,
      false,
      true,
      false,
    ]);
  });

  it("come back as the boxes they were drawn from", () => {
    const rng = createRng(1);
    for (let round = 0; round < 20; round++) {
      const boxes = boxesOf(1 + rng.int(3), rng);
      const data = Uint8Array.from({ length: side * side * 3 }, () => 60 + rng.int(140));
      const image = { width: side, height: side, data };
      const label = { task: "detection" as const, width: side, height: side, boxes };
      const drawn = toFloatPicture(codec.encode(label, image, { category: "dog" }));
      const found = codec.decode(drawn, image, { category: "dog" }, { width: 2 * side, height: side }).boxes;
      const half = found.map(({ xyxy: [x1, y1, x2, y2] }): Xyxy => [x1 / 2, y1, x2 / 2, y2]);
      for (const box of boxes) expect(Math.max(...half.map((other) => overlap(box, other)))).toBeGreaterThan(0.9);
      for (const { score } of found.slice(0, boxes.length)) expect(score).toBeGreaterThan(0.8);
    }
  });

  it("are found at the median of where an uncertain drawing puts them", () => {
    const rng = createRng(2);
    for (const box of [
      [20, 10, 80, 70],
      [8, 30, 60, 60],
    ] as Xyxy[]) {
      const [best] = findBroadBoxes(uncertain(box, 0.12, rng), { width: side, height: side }, share);
      expect(overlap(best!.xyxy, box)).toBeGreaterThan(0.8);
      expect(best!.score).toBeGreaterThan(0.3);
      expect(best!.score).toBeLessThan(0.95);
    }
  });

  it("are not found in an empty drawing", () => {
    expect(findBroadBoxes(new Float32Array(side * side), { width: side, height: side }, share)).toEqual([]);
  });
});
