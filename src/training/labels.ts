/**
 * Crop and resize of labels: every value of the result is one the label has. Where the photo is interpolated a label is not, since between
 * a category and its background, or a near and a far thing, lies nothing that is true.
 */
import type { Size } from "../image/picture.js";
import { UNKNOWN_GREY } from "../tasks/segmentation.js";
import type { Xyxy } from "../tasks/task.js";
import { taps } from "./augment.js";

/** What a pixel takes of its four neighbours: of the first row a and b, of the second c and d; u and v are the bilinear weights of b and c. */
type Choice = (a: number, b: number, c: number, d: number, u: number, v: number) => number;

/** Fills `result` (height x width) with what each output pixel of a crop of a square label takes of its neighbours. */
function chooseEach<T extends Uint8Array | Uint16Array>(
  label: T,
  side: number,
  crop: Xyxy,
  { width, height }: Size,
  flip: boolean,
  result: T,
  choose: Choice,
): T {
  const xs = taps(crop[0], crop[2], side, width, flip);
  const ys = taps(crop[1], crop[3], side, height, false);
  let o = 0;
  for (let y = 0; y < height; y++) {
    const top = ys.first[y]! * side;
    const bottom = ys.second[y]! * side;
    const v = ys.weight[y]!;
    for (let x = 0; x < width; x++) {
      const a = label[top + xs.first[x]!]!;
      const b = label[top + xs.second[x]!]!;
      const c = label[bottom + xs.first[x]!]!;
      const d = label[bottom + xs.second[x]!]!;
      result[o++] = a === b && a === c && a === d ? a : choose(a, b, c, d, xs.weight[x]!, v);
    }
  }
  return result;
}

/**
 * A square mask (255 = the category, 128 = unknown, else background) by vote: each output pixel is unknown where more than half of the
 * bilinear weight is, else what most of the known weight is, the category in a tie. Result: height x width, 0, 128 or 255.
 */
export function cropMask(mask: Uint8Array, side: number, crop: Xyxy, size: Size, flip: boolean): Uint8Array {
  return chooseEach(mask, side, crop, size, flip, new Uint8Array(size.width * size.height), vote);
}

function vote(a: number, b: number, c: number, d: number, u: number, v: number): number {
  const unknown = share(a, b, c, d, u, v, UNKNOWN_GREY);
  if (2 * unknown > 1) return UNKNOWN_GREY;
  const inside = share(a, b, c, d, u, v, 255);
  return inside > 0 && 2 * inside >= 1 - unknown ? 255 : 0;
}

/** Bilinear weight of the neighbours that are `value`. */
function share(a: number, b: number, c: number, d: number, u: number, v: number, value: number): number {
  const upper = (a === value ? 1 - u : 0) + (b === value ? u : 0);
  const lower = (c === value ? 1 - u : 0) + (d === value ? u : 0);
  return upper + v * (lower - upper);
}

/**
 * Square depth in millimetres (0 = unknown) to metres: each output pixel is its nearest known neighbour, the one of the largest bilinear
 * weight, so that no edge invents a distance; 0 without any. Result: out x out.
 */
export function cropDepth(
  millimetres: Uint16Array,
  side: number,
  crop: Xyxy,
  out: number,
  flip: boolean,
): Float32Array {
  const size = { width: out, height: out };
  const nearest = chooseEach(millimetres, side, crop, size, flip, new Uint16Array(out * out), nearestKnown);
  const metres = new Float32Array(nearest.length);
  for (let i = 0; i < metres.length; i++) metres[i] = nearest[i]! / 1000;
  return metres;
}

function nearestKnown(a: number, b: number, c: number, d: number, u: number, v: number): number {
  const wa = a > 0 ? (1 - u) * (1 - v) : 0;
  const wb = b > 0 ? u * (1 - v) : 0;
  const wc = c > 0 ? (1 - u) * v : 0;
  const wd = d > 0 ? u * v : 0;
  const most = Math.max(wa, wb, wc, wd);
  return most === 0 ? 0 : most === wa ? a : most === wb ? b : most === wc ? c : d;
}

/** The part of a box that a crop shows, in pixels of the result and grown to whole ones; null where nothing of it is seen. */
export function visiblePart(
  [x1, y1, x2, y2]: Xyxy,
  [left, top, right, bottom]: Xyxy,
  { width, height }: Size,
  flip: boolean,
): Xyxy | null {
  const [cx1, cx2] = [Math.max(x1, left), Math.min(x2, right)];
  const [cy1, cy2] = [Math.max(y1, top), Math.min(y2, bottom)];
  if (cx1 >= cx2 || cy1 >= cy2) return null;
  const [scaleX, scaleY] = [width / (right - left), height / (bottom - top)];
  const [near, far] = [(cx1 - left) * scaleX, (cx2 - left) * scaleX];
  return [
    Math.floor(flip ? width - far : near),
    Math.floor((cy1 - top) * scaleY),
    Math.ceil(flip ? width - near : far),
    Math.ceil((cy2 - top) * scaleY),
  ];
}
