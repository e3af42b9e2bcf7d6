/** Reader of ADE20K's scene parsing release (ADEChallengeData2016): 150-class masks, boxes from its instance maps. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { readIndexed8, readRgb8 } from "../image/maps.js";
import { ADE20K_CLASSES, ADE20K_INSTANCE_CLASSES, namesOfObjectInfo } from "./ade20k-classes.js";
import { readDatasetText, readNames, requireFolder } from "./files.js";
import { boxesOfValues } from "./label-boxes.js";
import { type AnnotatedBox, type Place, type Reader, Skipped } from "./sample.js";
import { readPhotoOfSize, requireSize } from "./sized-photo.js";

const IGNORE = 255;
/** Masks read at a time while listing, so that waiting for the disk and decoding overlap. */
const AT_ONCE = 8;

const options = z.strictObject({});

/** A photo, the size of its mask, the mask's values (1..150) and whether there is a map of its instances. */
interface AdeEntry {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly present: readonly number[];
  readonly instances: boolean;
}

/**
 * `split` is `training` or `validation`. A class is present where the mask shows it. The value 0 is "other": something that is none
 * of the 150 classes, or was not labelled. The benchmark leaves these pixels out, so they are 255 in every mask here, never background.
 *
 * Boxes come from `annotations_instance`, a download of its own for the same photos (red = class 1..100, green = instance, 0 =
 * none), and frame what is visible of each instance; without that folder there are none. With it, every photo must have its map.
 * Sources: github.com/CSAILVision/sceneparsing, and placeschallenge/instancesegmentation beside it.
 */
export const ade20k: Reader<AdeEntry, z.output<typeof options>> = {
  about: { title: "ADE20K scene parsing (150 classes)", licence: "annotations BSD-3-Clause; photos for research only" },
  options,

  async *list(place) {
    const { name: dataset, root, split } = place;
    await requireFolder(root, "ADE20K");
    await requireFolder(join(root, "images", split), "the photos of ADE20K");
    await requireFolder(join(root, "annotations", split), "the masks of ADE20K");
    await checkNames(join(root, "objectInfo150.txt"));
    const instances = await exists(join(root, "annotations_instance", split));
    const names = (await readNames(join(root, "images", split))).filter((name) => !name || name.endsWith(".jpg"));
    if (names.length === 0)
      throw new InstructCvError("dataset", `${join(root, "images", split)}: holds no .jpg photo.`);
    for (let i = 0; i < names.length; i += AT_ONCE) {
      yield* await Promise.all(
        names.slice(i, i + AT_ONCE).map(async (name) => {
          if (!name) return new Skipped(`${dataset}/?`, `${join(root, "images", split)}: a name that is not UTF-8.`);
          return entryOf(place, name.slice(0, -".jpg".length), instances);
        }),
      );
    }
  },

  open({ name: dataset, root, split }, { name, present, instances, ...size }) {
    const path = join(root, "images", split, `${name}.jpg`);
    const boxes = async () => boxesOf(join(root, "annotations_instance", split, `${name}.png`), size);
    return {
      id: `${dataset}/${name}`,
      dataset,
      split,
      path,
      size,
      image: () => readPhotoOfSize(path, size),
      known: ADE20K_CLASSES,
      present: present.map((value) => ADE20K_CLASSES[value - 1]!),
      masks: () => masksOf(join(root, "annotations", split, `${name}.png`)),
      ...(instances && { boxes, boxed: ADE20K_INSTANCE_CLASSES }),
    };
  },
};

async function entryOf({ name: dataset, root, split }: Place, name: string, instances: boolean) {
  const path = join(root, "annotations", split, `${name}.png`);
  const skip = (reason: string) => new Skipped(`${dataset}/${name}`, reason);
  const map = join(root, "annotations_instance", split, `${name}.png`);
  if (instances && !(await exists(map))) return skip(`${map}: expected the instances of the photo, found nothing.`);
  try {
    const { width, height, data } = await readIndexed8(path);
    const present = valuesOf(data, path);
    // A mask without any class says nothing about its photo, not even that a class is absent.
    return present.length === 0 ? skip(`${path}: no pixel has a class.`) : { name, width, height, present, instances };
  } catch (error) {
    if (!(error instanceof InstructCvError)) throw error;
    return skip(error.message);
  }
}

/** The classes in a mask, ascending. @throws {InstructCvError} "dataset" for a value above 150. */
function valuesOf(data: Uint8Array, path: string): number[] {
  const seen = new Uint8Array(256);
  for (let i = 0; i < data.length; i++) seen[data[i]!] = 1;
  const largest = seen.lastIndexOf(1);
  if (largest > ADE20K_CLASSES.length) {
    throw new InstructCvError(
      "dataset",
      `${path}: expected mask values 0 to ${ADE20K_CLASSES.length}, found ${largest}.`,
      "Give the scene parsing release (ADEChallengeData2016), unshifted.",
    );
  }
  return [...seen.keys()].filter((value) => value > 0 && seen[value] === 1);
}

async function masksOf(path: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const { data } = await readIndexed8(path);
  return new Map(
    valuesOf(data, path).map((value) => [
      ADE20K_CLASSES[value - 1]!,
      data.map((found) => (found === value ? 1 : found === 0 ? IGNORE : 0)),
    ]),
  );
}

async function boxesOf(path: string, size: { width: number; height: number }): Promise<AnnotatedBox[]> {
  const map = await readRgb8(path);
  requireSize(path, map, size);
  // Class and instance together: instance numbers are unique in a photo, but nothing is lost if they are so only in a class.
  const found = boxesOfValues(map, (i) =>
    map.data[3 * i + 1] === 0 ? 0 : map.data[3 * i]! * 256 + map.data[3 * i + 1]!,
  );
  return [...found].map(([value, xyxy]) => {
    const category = ADE20K_INSTANCE_CLASSES[(value >> 8) - 1];
    if (category) return { category, xyxy, ignore: false };
    throw new InstructCvError(
      "dataset",
      `${path}: expected classes 1 to ${ADE20K_INSTANCE_CLASSES.length} in the red channel, found ${value >> 8}.`,
    );
  });
}

/** A release with another list of classes (it comes with the masks) would be read under wrong names. */
async function checkNames(path: string): Promise<void> {
  if (!(await exists(path))) return;
  const names = namesOfObjectInfo(await readDatasetText(path));
  const wrong = Array.from(ADE20K_CLASSES.keys()).find((i) => names[i] !== ADE20K_CLASSES[i]);
  if (wrong === undefined && names.length === ADE20K_CLASSES.length) return;
  const row = wrong ?? ADE20K_CLASSES.length;
  throw new InstructCvError(
    "dataset",
    `${path}: expected class ${row + 1} to be ${ADE20K_CLASSES[row] ?? "none"}, found ${names[row] ?? "none"}.`,
    "Only the list of 150 classes of the scene parsing benchmark is read.",
  );
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
