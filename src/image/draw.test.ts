import { expect, test } from "vitest";
import { drawLabel, fillRectangle, labelSize, type Rgb, strokeRectangle } from "./draw.js";
import { glyph } from "./glyphs.js";
import type { Picture } from "./picture.js";

const RED: Rgb = [255, 0, 0];

function black(width: number, height: number): Picture {
  return { width, height, data: new Uint8Array(width * height * 3) };
}

/** `#` where the red channel is on. */
function show({ width, height, data }: Picture): string[] {
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => (data[(y * width + x) * 3]! > 127 ? "#" : ".")).join(""),
  );
}

test("rectangles are half-open and clipped to the frame", () => {
  const picture = black(4, 3);
  fillRectangle(picture, [1, 1, 3, 9], RED);
  expect(show(picture)).toEqual(["....", ".##.", ".##."]);
  fillRectangle(picture, [-5, 0, 1, 1], RED, 0.6);
  expect(show(picture)[0]).toBe("#...");
  expect(picture.data[0]).toBe(153);
});

test("an outline lies inside its box, also when the box is thinner than its lines", () => {
  const picture = black(6, 5);
  strokeRectangle(picture, [0, 0, 5, 4], RED, 1);
  expect(show(picture)).toEqual(["#####.", "#...#.", "#...#.", "#####.", "......"]);
  const thin = black(3, 3);
  strokeRectangle(thin, [1, 0, 2, 3], RED, 4);
  expect(show(thin)).toEqual([".#.", ".#.", ".#."]);
});

test("a label is moved into the frame, its ink stands out from its paper", () => {
  const picture = black(20, 12);
  drawLabel(picture, 100, -3, "L", 1, RED);
  const { width, height } = labelSize("L", 1);
  expect([width, height]).toEqual([9, 11]);
  expect(show(picture)[0]).toBe(`${".".repeat(20 - width)}${"#".repeat(width)}`);
  expect(Array.from(picture.data.slice((2 * 20 + 13) * 3, (2 * 20 + 13) * 3 + 3))).toEqual([255, 255, 255]);
});

test("every glyph is 35 marks; small and accented letters share their capital, the unknown is a question mark", () => {
  for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:-%'/? ")
    expect(glyph(character)).toMatch(/^[#.]{35}$/);
  expect(glyph("é")).toBe(glyph("E"));
  expect(glyph("犬")).toBe(glyph("?"));
});
