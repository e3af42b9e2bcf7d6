/** The picture for people: the photo with its answer drawn over it, or a colour map of the depths. */
import { blend, copyPicture, drawLabel, labelSize, type Rgb, strokeRectangle } from "../image/draw.js";
import { OKABE_ITO } from "../image/okabe-ito.js";
import type { Picture } from "../image/picture.js";
import type { ResultOf, TaskResult } from "../tasks/task.js";
import { turbo } from "./turbo.js";

const TINT: Rgb = [255, 64, 160];
const YES: Rgb = [46, 160, 67];
const NO: Rgb = [190, 60, 50];
const PAPER: Rgb = [24, 24, 28];

/** A new picture of the photo's size. `category` names what was asked for, null for depth. */
export function drawOverlay(photo: Picture, result: TaskResult, category: string | null): Picture {
  const picture = copyPicture(photo);
  const name = category ?? "";
  switch (result.task) {
    case "segmentation":
      tintMask(picture, result);
      label(picture, `${name} ${percent(result.score)}`, result.area > 0 ? TINT : PAPER);
      break;
    case "detection":
      drawBoxes(picture, result);
      if (result.boxes.length === 0) label(picture, `${name}: none found`, PAPER);
      break;
    case "depth":
      colourDepth(picture, result);
      break;
    case "classification": {
      const { present, probability } = result;
      frame(picture, present ? YES : NO);
      const answer = present ? `yes ${percent(probability)}` : `no ${percent(1 - probability)}`;
      label(picture, `${name}: ${answer}`, present ? YES : NO);
      break;
    }
  }
  return picture;
}

/** Colour inside, a bright rim, and a darker photo outside. */
function tintMask(picture: Picture, { mask }: ResultOf<"segmentation">): void {
  const { width, height } = picture;
  const reach = lineWidth(picture);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = y * width + x;
      if (mask[pixel] === 0) {
        blend(picture, pixel, [0, 0, 0], 0.45);
        continue;
      }
      const rim =
        (x >= reach && mask[pixel - reach] === 0) ||
        (x + reach < width && mask[pixel + reach] === 0) ||
        (y >= reach && mask[pixel - reach * width] === 0) ||
        (y + reach < height && mask[pixel + reach * width] === 0);
      blend(picture, pixel, TINT, rim ? 0.95 : 0.35);
    }
  }
}

/** Boxes with less than this share of the best score clutter the picture; the data has them. */
const CLEAR = 0.5;

/** Weak boxes first, so that the best lie on top. */
function drawBoxes(picture: Picture, { boxes }: ResultOf<"detection">): void {
  const clear = boxes.filter(({ score }) => score >= CLEAR * boxes[0]!.score);
  for (let i = clear.length - 1; i >= 0; i--) {
    const { xyxy, score, label: text } = clear[i]!;
    const colour = OKABE_ITO[i % OKABE_ITO.length]!;
    strokeRectangle(picture, xyxy, colour, lineWidth(picture));
    const words = `${text} ${percent(score)}`;
    const scale = textScale(picture, words);
    drawLabel(picture, xyxy[0], xyxy[1] - labelSize(words, scale).height, words, scale, colour);
  }
}

/** Near is red, far is blue, with the range written in the corner. */
function colourDepth(picture: Picture, { metres, min, max }: ResultOf<"depth">): void {
  const range = Math.max(max - min, 1e-6);
  for (let pixel = 0; pixel < metres.length; pixel++) {
    blend(picture, pixel, turbo(1 - (metres[pixel]! - min) / range), 1);
  }
  const near = `${min.toFixed(1)} m`;
  const far = `${max.toFixed(1)} m`;
  const scale = textScale(picture, `${near}  ${far}`);
  const y = picture.height - labelSize(near, scale).height;
  drawLabel(picture, 0, y, near, scale, turbo(1));
  drawLabel(picture, picture.width, y, far, scale, turbo(0));
}

function frame(picture: Picture, colour: Rgb): void {
  strokeRectangle(picture, [0, 0, picture.width, picture.height], colour, 2 * lineWidth(picture));
}

function label(picture: Picture, text: string, paper: Rgb): void {
  drawLabel(picture, 0, 0, text.trim(), textScale(picture, text), paper);
}

function lineWidth({ width, height }: Picture): number {
  return Math.max(1, Math.round(Math.min(width, height) / 160));
}

/** About 3.5% of the shorter side high, smaller when the text would not fit the width. */
function textScale({ width, height }: Picture, text: string): number {
  const wished = Math.max(1, Math.round(Math.min(width, height) / 200 + 0.4));
  return Math.max(1, Math.min(wished, Math.floor(width / labelSize(text, 1).width)));
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
