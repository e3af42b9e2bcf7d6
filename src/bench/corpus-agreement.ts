/** How far the pictures of a corpus agree with those that bench/original_builder.py made for the same questions. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openCorpus } from "../corpus/read.js";
import { readPicture } from "../image/io.js";
import type { Picture, Xyxy } from "../image/picture.js";
import { UNKNOWN_GREY } from "../tasks/segmentation.js";

export interface Agreement {
  /** Records compared. */
  readonly records: number;
  /** Mean absolute difference of the photos, grey levels: over all, and of the worst photo. */
  readonly photo: { readonly mean: number; readonly worst: number };
  /** Masks, by dataset: intersection over union of all white pixels together, mean and least of single masks, share of unknown pixels alike. */
  readonly masks: Readonly<Record<string, MaskAgreement>>;
  /** Detection: largest distance of a box edge, corpus pixels; share of outline pixels that both drew. */
  readonly boxes: { readonly boxes: number; readonly worst: number; readonly outline: number };
  /** Depth: largest difference of a pixel, grey levels. */
  readonly depth: { readonly pictures: number; readonly worst: number };
  readonly classification: { readonly pictures: number; readonly equal: number };
  readonly instructions: { readonly equal: number };
}

interface MaskAgreement {
  readonly masks: number;
  readonly pooled: number;
  readonly mean: number;
  readonly least: number;
  /** Pixels that one calls unknown and the other does not, of all. */
  readonly unknownDiffers: number;
}

/** @param out folder that the request of the corpus named */
export async function compareWithOriginal(corpus: string, out: string): Promise<Agreement> {
  const { manifest, records } = await openCorpus(corpus);
  const photos: number[] = [];
  const masks = new Map<string, MaskPair[]>();
  const edges: number[] = [];
  const outlines = { both: 0, either: 0 };
  const depths: number[] = [];
  const flat: boolean[] = [];
  let count = 0;
  let sentences = 0;
  for (const split of Object.keys(manifest.splits)) {
    for await (const { record, image, target } of records(split)) {
      const folder = join(out, record.key);
      const ours = { photo: await readPicture(image), target: await readPicture(target) };
      const theirs = {
        photo: await readPicture(join(folder, `${record.key}_0.jpg`)),
        target: await readPicture(join(folder, `${record.key}_1.png`)),
      };
      count++;
      if ((await readJson(join(folder, "prompt.json"))).edit === record.instruction) sentences++;
      photos.push(mean(differences(ours.photo, theirs.photo)));
      if (record.task === "segmentation") {
        const list = masks.get(record.dataset) ?? [];
        list.push(compareMasks(ours.target, theirs.target));
        masks.set(record.dataset, list);
      } else if (record.task === "depth") depths.push(largest(differences(ours.target, theirs.target)));
      else if (record.task === "classification") flat.push(largest(differences(ours.target, theirs.target)) === 0);
      else {
        const { bbox } = await readJson(join(folder, "bbox.json"));
        edges.push(...edgeDistances(record.boxes!, bbox as Xyxy[], manifest.size, record.size));
        const drawn = compareOutlines(ours.target, theirs.target);
        outlines.both += drawn.both;
        outlines.either += drawn.either;
      }
    }
  }
  return {
    records: count,
    photo: { mean: mean(photos), worst: largest(photos) },
    masks: Object.fromEntries([...masks].map(([dataset, pairs]) => [dataset, summary(pairs)])),
    boxes: { boxes: edges.length / 4, worst: largest(edges), outline: outlines.both / Math.max(1, outlines.either) },
    depth: { pictures: depths.length, worst: largest(depths) },
    classification: { pictures: flat.length, equal: flat.filter(Boolean).length },
    instructions: { equal: sentences },
  };
}

interface MaskPair {
  readonly both: number;
  readonly either: number;
  readonly unknownDiffers: number;
  readonly pixels: number;
}

/** Pixels that either leaves unknown count for neither white nor black. */
function compareMasks(ours: Picture, theirs: Picture): MaskPair {
  let both = 0;
  let either = 0;
  let unknownDiffers = 0;
  for (let i = 0; i < ours.data.length; i += 3) {
    const [a, b] = [ours.data[i]!, theirs.data[i]!];
    if (a === UNKNOWN_GREY || b === UNKNOWN_GREY) {
      if (a !== b) unknownDiffers++;
      continue;
    }
    if (a === 255 && b === 255) both++;
    if (a === 255 || b === 255) either++;
  }
  return { both, either, unknownDiffers, pixels: ours.data.length / 3 };
}

function summary(pairs: readonly MaskPair[]): MaskAgreement {
  const sum = (value: (pair: MaskPair) => number) => pairs.reduce((total, pair) => total + value(pair), 0);
  const each = pairs.map(({ both, either }) => (either === 0 ? 1 : both / either));
  return {
    masks: pairs.length,
    pooled:
      sum(({ both }) => both) /
      Math.max(
        1,
        sum(({ either }) => either),
      ),
    mean: mean(each),
    least: Math.min(...each),
    unknownDiffers: sum((pair) => pair.unknownDiffers) / sum(({ pixels }) => pixels),
  };
}

/** Both lists are in the order of the annotations; `theirs` are pixels of the photo. */
function edgeDistances(
  ours: readonly Xyxy[],
  theirs: readonly Xyxy[],
  size: number,
  [width, height]: readonly [number, number],
): number[] {
  if (ours.length !== theirs.length) return [Number.POSITIVE_INFINITY];
  return ours.flatMap((box, i) =>
    box.map((edge, j) => {
      const scaled = (theirs[i]![j]! * size) / (j % 2 === 0 ? width : height);
      return Math.abs(edge - Math.min(Math.max(scaled, 0), size));
    }),
  );
}

/** Outline pixels are pure blue in a PNG. */
function compareOutlines(ours: Picture, theirs: Picture): { both: number; either: number } {
  const blue = ({ data }: Picture, i: number) => data[i] === 0 && data[i + 1] === 0 && data[i + 2] === 255;
  let both = 0;
  let either = 0;
  for (let i = 0; i < ours.data.length; i += 3) {
    const [a, b] = [blue(ours, i), blue(theirs, i)];
    if (a && b) both++;
    if (a || b) either++;
  }
  return { both, either };
}

function differences(a: Picture, b: Picture): Uint8Array {
  return a.data.map((value, i) => Math.abs(value - b.data[i]!));
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / Math.max(1, values.length);
}

function largest(values: ArrayLike<number>): number {
  let found = 0;
  for (let i = 0; i < values.length; i++) found = Math.max(found, values[i]!);
  return found;
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(path, "utf8"));
}
