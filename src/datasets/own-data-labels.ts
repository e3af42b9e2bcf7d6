/** Reads the answer of a manifest line - a label or a ready drawn picture - at the size of the photo. */
import { join } from "node:path";
import { InstructCvError } from "../errors.js";
import { type IndexMap, readGrey16, readIndexed8, readPicture } from "../image/io.js";
import type { Picture, Size, Xyxy } from "../image/picture.js";
import { resizeNearest } from "../image/resample.js";
import { readSource } from "../image/source.js";
import { toFloatPicture } from "../tasks/codec.js";
import { colour } from "../tasks/colours.js";
import { MAX_METRES } from "../tasks/depth.js";
import { getTask } from "../tasks/registry.js";
import { UNKNOWN_GREY } from "../tasks/segmentation.js";
import type { ResultOf, Slots, TaskName } from "../tasks/task.js";
import { fillSegmentation } from "./coco-masks.js";
import type { OwnLineOf } from "./own-data-line.js";

const IGNORE = 255;
/** A frame of a third colour, or a photo, is no answer to a yes-no question. */
const LEAST_ADMISSIBILITY = 0.8;
/** A ready picture is drawn sharply; what is fainter is no outline. */
const LEAST_SCORE = 0.5;

/** 1 = category, 0 = other, 255 = ignore, row-major, at photo size; all 0 when the line says that the category is absent. */
export async function readOwnMask(
  { category, label, target }: OwnLineOf<"segmentation">,
  root: string,
  size: Size,
): Promise<Uint8Array> {
  let mask: Uint8Array = new Uint8Array(size.width * size.height);
  if (isAbsent(label)) return mask;
  if (target !== undefined) mask = shownMask(await readPicture(join(root, target)), size);
  else if (typeof label === "string") mask = await readMaskPng(join(root, label), size);
  else fillSegmentation(mask, size, label!, 1, "label");
  if (mask.includes(1)) return mask;
  throw nothingShown(category, `"label": null`);
}

/** Whether a label says that its category is not in the photo. */
export function isAbsent(label: unknown): boolean {
  return label === null || label === false || (Array.isArray(label) && label.length === 0);
}

/** Where the photo of a detection line is and how ready pictures outline boxes (see `DrawingStyle`). */
export interface BoxSource {
  readonly root: string;
  readonly photo: string;
  readonly size: Size;
  readonly boxOutline: number | null;
}

/** Pixels of the photo. */
export async function readOwnBoxes(
  { category, label, target }: OwnLineOf<"detection">,
  { root, photo, size, boxOutline }: BoxSource,
): Promise<readonly Xyxy[]> {
  if (target === undefined) {
    const outside = label!.find(([, , x2, y2]) => x2 > size.width || y2 > size.height);
    if (!outside) return label!;
    throw new InstructCvError(
      "dataset",
      `expected boxes inside the photo of ${size.width}x${size.height}, found [${outside.join(", ")}].`,
      "Clip it, or give the boxes for the photo as it is stored.",
    );
  }
  const drawn = await readPicture(join(root, target));
  requireSize(target, drawn, size);
  const detection = getTask("detection", { box_outline: boxOutline });
  const { boxes } = detection.decode(toFloatPicture(drawn), await readPicture(photo), { category }, size);
  const sure = boxes.filter(({ score }) => score >= LEAST_SCORE).map(({ xyxy }) => xyxy);
  if (sure.length > 0) return sure;
  throw nothingShown(category, `"label": [] instead of a target`);
}

/** Metres at photo size, 0 = unknown. */
export async function readOwnDepth(
  { label, target }: OwnLineOf<"depth">,
  root: string,
  size: Size,
): Promise<Float32Array> {
  const metres =
    target !== undefined
      ? decode("depth", await readPicture(join(root, target)), { category: null }, size).metres
      : await readDepthPng(join(root, typeof label === "string" ? label : label!.path), size, label!);
  if (metres.some((value) => value > 0)) return metres;
  throw new InstructCvError("dataset", "expected a known depth somewhere, found only 0.", "Leave the photo out.");
}

/** Whether the category is in the photo. */
export async function readOwnPresence(
  { label, target, category, ...colours }: OwnLineOf<"classification">,
  root: string,
): Promise<boolean> {
  if (target === undefined) return label!;
  const drawn = await readPicture(join(root, target));
  const slots = { category, positive: colour(colours.positive ?? ""), negative: colour(colours.negative ?? "") };
  const { present, admissibility } = decode("classification", drawn, slots, drawn);
  if (admissibility >= LEAST_ADMISSIBILITY) return present;
  const [yes, no] = [colours.positive ?? "green", colours.negative ?? "red"];
  throw new InstructCvError("dataset", `${target}: expected one frame of ${yes} or ${no}, found another picture.`);
}

function decode<T extends TaskName>(task: T, drawn: Picture, slots: Slots, size: Size): ResultOf<T> {
  return getTask(task).decode(toFloatPicture(drawn), drawn, slots, size);
}

/** What a white-on-black picture shows, scaled to the photo; where it is drawn in the grey of the unknown it is ignored. */
function shownMask(drawn: Picture, size: Size): Uint8Array {
  const { mask } = decode("segmentation", drawn, { category: null }, size);
  const grey = new Uint8Array(drawn.width * drawn.height);
  for (let i = 0; i < grey.length; i++) {
    if (drawn.data.subarray(3 * i, 3 * i + 3).every((value) => value === UNKNOWN_GREY)) grey[i] = 1;
  }
  const unknown = resizeNearest(grey, drawn, size);
  return mask.map((value, i) => (unknown[i] === 1 ? IGNORE : value));
}

/**
 * RGB: white is the category, as in a target. One channel: 0 is not the category and the one other value is, whichever it is; or 1 is the
 * category and 255 is ignored. A map with other values is no mask of one category (soft edges, a trimap, a class map).
 */
async function readMaskPng(path: string, size: Size): Promise<Uint8Array> {
  const { bytes, colourType } = await readPngHead(path);
  if (colourType === 2) {
    const picture = await readPicture(bytes, { name: path });
    requireSize(path, picture, size);
    return shownMask(picture, size);
  }
  const map = await readIndexed8(bytes, path);
  requireSize(path, map, size);
  return maskOf(map, path);
}

function maskOf({ data }: IndexMap, path: string): Uint8Array {
  const values = [...new Set(data)].filter((value) => value !== 0).sort((a, b) => a - b);
  const [inside] = values;
  if (values.length > 1 && !(values.length === 2 && inside === 1 && values[1] === IGNORE)) {
    const found = values.slice(0, 4).join(", ") + (values.length > 4 ? ", ..." : "");
    throw new InstructCvError(
      "dataset",
      `${path}: expected a mask of 0 and one other value, or of 0, 1 and 255 (ignore), found 0, ${found}.`,
      "Write a mask of the category alone, without soft edges.",
    );
  }
  return data.map((value) => (value === 0 ? 0 : value === inside ? 1 : IGNORE));
}

async function readDepthPng(path: string, size: Size, label: string | { metres_per_level: number }) {
  const { bytes, bits, colourType } = await readPngHead(path);
  if (colourType !== 0 || bits < 8) {
    throw new InstructCvError("dataset", `${path}: expected a grey PNG of 8 or 16 bits, found another picture.`);
  }
  const map = bits === 16 ? await readGrey16(bytes, path) : await readIndexed8(bytes, path);
  requireSize(path, map, size);
  const usual = bits === 16 ? 1 / 1000 : MAX_METRES / 255;
  const metresPerLevel = typeof label === "string" ? usual : label.metres_per_level;
  const metres = new Float32Array(map.data.length);
  for (let i = 0; i < metres.length; i++) metres[i] = map.data[i]! * metresPerLevel;
  return metres;
}

/** Bits a channel and colour type (0 grey, 2 RGB, 3 palette) by https://www.w3.org/TR/png-3/#11IHDR, -1 for what is no PNG. */
async function readPngHead(path: string): Promise<{ bytes: Uint8Array; bits: number; colourType: number }> {
  const { bytes } = await readSource(path);
  const isPng = Buffer.from(bytes.subarray(1, 4)).toString("latin1") === "PNG";
  return { bytes, bits: isPng ? (bytes[24] ?? -1) : -1, colourType: isPng ? (bytes[25] ?? -1) : -1 };
}

function requireSize(name: string, found: Size, photo: Size): void {
  if (found.width === photo.width && found.height === photo.height) return;
  throw new InstructCvError(
    "dataset",
    `${name}: expected ${photo.width}x${photo.height} as the photo, found ${found.width}x${found.height}.`,
  );
}

function nothingShown(category: string, instead: string): InstructCvError {
  return new InstructCvError(
    "dataset",
    `expected the answer to show the ${category}, found none of it.`,
    `Write ${instead} where the category is not in the photo.`,
  );
}
