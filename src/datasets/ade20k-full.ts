/** Reader of the full ADE20K (ADE20K_2021_17_01): every object named in words, masks and boxes from the colour-coded maps. */
import { join } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { readRgb8 } from "../image/maps.js";
import type { Picture, Size } from "../image/picture.js";
import { ADE20K_CLASSES, ADE20K_INSTANCE_CLASSES } from "./ade20k-classes.js";
import { type AdeObjects, readAdeObjects } from "./ade20k-full-objects.js";
import { readNames, requireFolder } from "./files.js";
import { boxesOfValues } from "./label-boxes.js";
import { type AnnotatedBox, type Place, type Reader, Skipped } from "./sample.js";
import { readPhotoOfSize, requireSize } from "./sized-photo.js";

const IGNORE = 255;
/** JSON files read at a time while listing. */
const AT_ONCE = 16;
/** The blue channel counts the objects of a photo from 1 in steps that fill 0..255; above that, neighbours share a value. */
const MOST_INSTANCES = 255;

const options = z.strictObject({});

/** Path of a photo under its split without extension, such as `urban/street/ADE_train_00016869`, and what its JSON says. */
interface AdeFullEntry extends AdeObjects {
  readonly name: string;
}

/**
 * `split` is `training` or `validation`; `root` is the folder that holds `images/ADE`. Only whole objects count (part level 0), not
 * their parts. A name is the first synonym of the JSON's `name` in COCO's spelling. Masks are the pixels of a name in `_seg.png`;
 * what is unlabelled there (code 0) is 255 in every mask, as in the benchmark.
 *
 * The vocabulary is open, so an object that is not named is not thereby absent. Photos were labelled exhaustively for the 150 classes of
 * the benchmark, so `known` is the names in the photo and those of the 150, without the ones whose absence is in doubt: a class shown
 * only as a part (a window of a building) or only under a narrower name (an armchair is a chair, as `hypernym` tells). Names exclude one
 * another as in the benchmark: the mask of `chair` is 0 where an armchair is.
 *
 * Boxes frame the visible pixels of each object in `_seg.png` (class and blue channel together), as COCO's and VOC's do. Polygons
 * and the instance PNGs go on behind what hides an object. They are given for the 100 classes with countable instances.
 */
export const ade20kFull: Reader<AdeFullEntry, z.output<typeof options>> = {
  about: { title: "ADE20K (2021_17_01)", licence: "ADE20K terms of use: research and education, not commercial" },
  options,

  async *list(place) {
    await requireFolder(place.root, "ADE20K");
    const folder = photoFolder(place);
    await requireFolder(folder, `the ${place.split} photos of ADE20K`);
    const intern = interner();
    let found = false;
    for await (const names of batches(photosUnder(folder, ""), AT_ONCE)) {
      found = true;
      yield* await Promise.all(
        names.map(async ({ name, problem }) => {
          if (problem) return new Skipped(`${place.name}/${name}`, problem);
          try {
            const objects = await readAdeObjects(join(folder, `${name}.json`));
            return { name, ...objects, names: objects.names.map(intern), open: objects.open.map(intern) };
          } catch (error) {
            if (error instanceof InstructCvError) return new Skipped(`${place.name}/${name}`, error.message);
            throw error;
          }
        }),
      );
    }
    if (!found) throw new InstructCvError("dataset", `${folder}: holds no .jpg photo.`, "Check that it is complete.");
  },

  open(place, { name, codes, names, open, count, width, height }) {
    const base = join(photoFolder(place), name);
    const size = { width, height };
    const known = [...new Set([...ADE20K_CLASSES.filter((category) => !open.includes(category)), ...names])];
    const countable = ADE20K_INSTANCE_CLASSES.filter((category) => known.includes(category));
    const map = () => readMap(`${base}_seg.png`, size);
    return {
      id: `${place.name}/${name}`,
      dataset: place.name,
      split: place.split,
      path: `${base}.jpg`,
      size,
      image: () => readPhotoOfSize(`${base}.jpg`, size),
      known,
      present: [...new Set(names)],
      masks: async () => masksOf(await map(), codes, names),
      ...(count <= MOST_INSTANCES && {
        boxes: async () => boxesOf(await map(), codes, names).filter(({ category }) => countable.includes(category)),
        boxed: countable,
      }),
    };
  },
};

const photoFolder = ({ root, split }: Place) => join(root, "images", "ADE", split);

/** One string for equal strings: those parsed anew for each photo would be most of a list's memory. */
function interner(): (text: string) => string {
  const seen = new Map<string, string>();
  return (text) => {
    const first = seen.get(text) ?? text;
    seen.set(text, first);
    return first;
  };
}

/** Photos in a folder and those below it; the folder of a photo's instance PNGs, named like the photo, is not entered. */
async function* photosUnder(root: string, under: string): AsyncGenerator<{ name: string; problem?: string }> {
  const here = join(root, under);
  const names = new Set(await readNames(here));
  for (const name of names) {
    const stem = name?.replace(/\.jpg$/, "");
    const path = [under, stem].filter(Boolean).join("/");
    if (name === null) yield { name: `${under}/?`, problem: `${here}: holds a name that is not UTF-8.` };
    else if (name.endsWith(".jpg")) {
      const missing = [`${stem}.json`, `${stem}_seg.png`].find((file) => !names.has(file));
      yield missing ? { name: path, problem: `${join(here, missing)}: there is no such file.` } : { name: path };
    } else if (!name.includes(".") && !names.has(`${name}.jpg`)) yield* photosUnder(root, path);
  }
}

async function* batches<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length === size) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

async function readMap(path: string, size: Size): Promise<Picture> {
  const map = await readRgb8(path);
  requireSize(path, map, size);
  return map;
}

/** The class of a pixel: tens of red and all of green. */
const codeAt = ({ data }: Picture, i: number) => Math.floor(data[3 * i]! / 10) * 256 + data[3 * i + 1]!;

function masksOf(map: Picture, codes: readonly number[], names: readonly string[]): ReadonlyMap<string, Uint8Array> {
  const categories = [...new Set(names)];
  /** Which of `categories` a code is, counted from 1; 0 when it is unlabelled. */
  const categoryOf = new Uint16Array(26 * 256);
  for (const [i, code] of codes.entries()) categoryOf[code] = categories.indexOf(names[i]!) + 1;
  const pixels = map.width * map.height;
  const masks = categories.map(() => new Uint8Array(pixels));
  for (let i = 0; i < pixels; i++) {
    const category = categoryOf[codeAt(map, i)]!;
    if (category === 0) for (const mask of masks) mask[i] = IGNORE;
    else masks[category - 1]![i] = 1;
  }
  return new Map(categories.map((category, i) => [category, masks[i]!]));
}

function boxesOf(map: Picture, codes: readonly number[], names: readonly string[]): AnnotatedBox[] {
  const found = boxesOfValues(map, (i) => {
    const instance = map.data[3 * i + 2]!;
    return instance === 0 ? 0 : codeAt(map, i) * 256 + instance;
  });
  return [...found].flatMap(([value, xyxy]) => {
    const category = names[codes.indexOf(value >> 8)];
    return category ? [{ category, xyxy, ignore: false }] : [];
  });
}
