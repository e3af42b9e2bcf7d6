/** A contact sheet for people: one row per validation record, image | target | model output. */
import { encodePng } from "../image/io.js";
import type { Picture } from "../image/picture.js";

/** Pixels between cells. */
const gap = 2;

/** PNG of rows of equally large pictures, on grey. */
export async function gridPng(rows: readonly (readonly Picture[])[]): Promise<Buffer> {
  const { width: w, height: h } = rows[0]![0]!;
  const columns = Math.max(...rows.map((row) => row.length));
  const width = columns * (w + gap) - gap;
  const height = rows.length * (h + gap) - gap;
  const data = new Uint8Array(width * height * 3).fill(128);
  for (const [r, row] of rows.entries()) {
    for (const [c, cell] of row.entries()) {
      for (let y = 0; y < h; y++) {
        const from = y * w * 3;
        data.set(cell.data.subarray(from, from + w * 3), ((r * (h + gap) + y) * width + c * (w + gap)) * 3);
      }
    }
  }
  return encodePng({ width, height, data });
}

/** Picture `index` of planes [B, 3, S, S] in -1..1, clamped and rounded. */
export function pictureOf(planes: Float32Array, index: number, size: number): Picture {
  const area = size * size;
  const data = new Uint8Array(area * 3);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) {
      const value = (planes[(index * 3 + c) * area + i]! + 1) * 127.5;
      data[i * 3 + c] = Math.min(255, Math.max(0, Math.round(value)));
    }
  }
  return { width: size, height: size, data };
}
