/** Maps of other systems: masks, probabilities and depth as files beside each other, one for each photo. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { InstructCvError } from "../../errors.js";
import { readGrey16, readIndexed8 } from "../../image/io.js";
import type { Size } from "../../image/picture.js";
import { requireSize } from "../metrics/checks.js";
import type { AnswerOf } from "../predictor.js";
import { readNpy } from "./npy.js";
import { fromLevels } from "./pack.js";
import { readJson } from "./results.js";

/** In a label map: nothing is claimed. */
const NOTHING = 255;

/** @throws {InstructCvError} "prediction" or "image" naming what is missing or wrong; "prediction" for another size than the photo's. */
export async function readMask(
  folder: string,
  name: string,
  category: string,
  size: Size,
): Promise<AnswerOf<"segmentation">> {
  const [mask, probability, labels] = [
    join(folder, "masks", category, `${name}.png`),
    join(folder, "probabilities", category, `${name}.png`),
    join(folder, "labels", `${name}.png`),
  ] as const;
  const [hasMask, hasProbability] = await Promise.all([isThere(mask), isThere(probability)]);
  if (!hasMask && !hasProbability) {
    if (await isThere(labels)) return fromLabels(labels, await classesOf(folder), category, size);
    throw new InstructCvError("prediction", `found none of ${mask}, ${probability}, ${labels}`);
  }
  const drawn = hasProbability ? fromLevels((await read8(probability, size)).data) : undefined;
  const cut = hasMask
    ? binary((await read8(mask, size)).data, mask)
    : Uint8Array.from(drawn!, (p) => (p >= 0.5 ? 1 : 0));
  return { task: "segmentation", mask: cut, probability: drawn ?? Float32Array.from(cut) };
}

async function read8(path: string, size: Size) {
  const map = await readIndexed8(path);
  requireSize(path, map, size);
  return map;
}

/** White or 1 inside, 0 outside; a grey or a class number in its place would be read as something it is not. */
function binary(data: Uint8Array, path: string): Uint8Array {
  const odd = data.find((value) => value !== 0 && value !== 1 && value !== 255);
  if (odd !== undefined)
    throw new InstructCvError("prediction", `${path}: expected a mask of 0 and 1 or 255, found the value ${odd}`);
  return data.map((value) => (value === 0 ? 0 : 1));
}

/** Names by value, from `labels/classes.json`. */
async function classesOf(folder: string): Promise<readonly unknown[]> {
  const path = join(folder, "labels", "classes.json");
  const classes = await readJson(path);
  if (Array.isArray(classes)) return classes;
  throw new InstructCvError("prediction", `${path}: expected a list of names, the first that of value 0`);
}

async function fromLabels(
  path: string,
  classes: readonly unknown[],
  category: string,
  size: Size,
): Promise<AnswerOf<"segmentation">> {
  const { data } = await read8(path, size);
  const odd = data.find((value) => value !== NOTHING && value >= classes.length);
  if (odd !== undefined)
    throw new InstructCvError("prediction", `${path}: value ${odd}, but classes.json names ${classes.length} classes`);
  if (!classes.includes(category)) throw new InstructCvError("prediction", `classes.json does not name ${category}`);
  const mask = Uint8Array.from(data, (value) => (classes[value] === category ? 1 : 0));
  return { task: "segmentation", mask, probability: Float32Array.from(mask) };
}

/**
 * Metres: of `depth/<name>.npy`, or of `depth/<name>.png` with 16 bits.
 * @param levels grey levels of a PNG a metre
 */
export async function readDepth(folder: string, name: string, levels: number, size: Size): Promise<AnswerOf<"depth">> {
  const [npy, png] = [join(folder, "depth", `${name}.npy`), join(folder, "depth", `${name}.png`)] as const;
  const [hasNpy, hasPng] = await Promise.all([isThere(npy), isThere(png)]);
  if (hasNpy && hasPng) throw new InstructCvError("prediction", `found both ${npy} and ${png}: which one counts?`);
  if (!hasNpy && !hasPng) throw new InstructCvError("prediction", `found neither ${npy} nor ${png}`);
  const map = hasNpy ? await readNpy(npy) : await readGrey16(png);
  requireSize(hasNpy ? npy : png, map, size);
  return {
    task: "depth",
    metres: hasNpy ? (map.data as Float32Array) : Float32Array.from(map.data, (v) => v / levels),
  };
}

export function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
