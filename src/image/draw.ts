/** Drawing on pictures, in place: filled and outlined rectangles, blended masks, labels in a built-in alphabet. */
import { GLYPH_HEIGHT, GLYPH_WIDTH, glyph } from "./glyphs.js";
import type { Picture, Xyxy } from "./picture.js";

/** 0..255 each. */
export type Rgb = readonly [number, number, number];

export function copyPicture({ width, height, data }: Picture): Picture {
  return { width, height, data: Uint8Array.from(data) };
}

/** Mixes `rgb` into pixel number `pixel` (row-major); `opacity` 0..1. */
export function blend(picture: Picture, pixel: number, rgb: Rgb, opacity: number): void {
  for (let c = 0; c < 3; c++) {
    const at = pixel * 3 + c;
    picture.data[at] = Math.round(picture.data[at]! * (1 - opacity) + rgb[c]! * opacity);
  }
}

/** Fills a rectangle, clipped to the frame; `opacity` 0..1. */
export function fillRectangle(picture: Picture, [x1, y1, x2, y2]: Xyxy, rgb: Rgb, opacity = 1): void {
  const left = Math.max(0, Math.round(x1));
  const right = Math.min(picture.width, Math.round(x2));
  for (let y = Math.max(0, Math.round(y1)); y < Math.min(picture.height, Math.round(y2)); y++) {
    for (let x = left; x < right; x++) blend(picture, y * picture.width + x, rgb, opacity);
  }
}

/** Outlines a rectangle with lines of `thickness` pixels that lie inside it. */
export function strokeRectangle(picture: Picture, box: Xyxy, rgb: Rgb, thickness: number): void {
  const [x1, y1, x2, y2] = box;
  const lines = Math.min(thickness, (x2 - x1) / 2, (y2 - y1) / 2);
  fillRectangle(picture, [x1, y1, x2, y1 + lines], rgb);
  fillRectangle(picture, [x1, y2 - lines, x2, y2], rgb);
  fillRectangle(picture, [x1, y1 + lines, x1 + lines, y2 - lines], rgb);
  fillRectangle(picture, [x2 - lines, y1 + lines, x2, y2 - lines], rgb);
}

/** Size in pixels of a label as `drawLabel` draws it, its margin of one glyph pixel included. */
export function labelSize(text: string, scale: number): { width: number; height: number } {
  return { width: ([...text].length * (GLYPH_WIDTH + 1) + 3) * scale, height: (GLYPH_HEIGHT + 4) * scale };
}

/**
 * Writes `text` on a filled box whose top-left corner is (x, y), moved as little as needed to lie inside the frame.
 * `scale` is the side of a glyph pixel. The ink is black or white, whichever stands out from `paper`.
 */
export function drawLabel(picture: Picture, x: number, y: number, text: string, scale: number, paper: Rgb): void {
  const { width, height } = labelSize(text, scale);
  const left = Math.round(Math.max(0, Math.min(x, picture.width - width)));
  const top = Math.round(Math.max(0, Math.min(y, picture.height - height)));
  fillRectangle(picture, [left, top, left + width, top + height], paper);
  const ink: Rgb = 0.299 * paper[0] + 0.587 * paper[1] + 0.114 * paper[2] > 140 ? [0, 0, 0] : [255, 255, 255];
  for (const [i, character] of [...text].entries()) {
    for (const [bit, mark] of [...glyph(character)].entries()) {
      if (mark !== "#") continue;
      const dotX = left + (2 + i * (GLYPH_WIDTH + 1) + (bit % GLYPH_WIDTH)) * scale;
      const dotY = top + (2 + Math.floor(bit / GLYPH_WIDTH)) * scale;
      fillRectangle(picture, [dotX, dotY, dotX + scale, dotY + scale], ink);
    }
  }
}
