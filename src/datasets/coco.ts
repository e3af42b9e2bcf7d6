/** Reader of the COCO layout: `annotations/instances_<split>.json` beside a folder `<split>` of photos. */
import { join } from "node:path";
import { InstructCvError } from "../errors.js";
import { readPicture } from "../image/io.js";
import type { Size } from "../image/picture.js";
import { type CocoAnnotation, type CocoImage, type CocoIndex, indexCoco } from "./coco-index.js";
import { fillSegmentation } from "./coco-masks.js";
import { requireFolder } from "./files.js";
import type { LabelledPhoto, Reader } from "./sample.js";

const IGNORE = 255;

/**
 * `split` is `train2017`, `val2017` or whatever the two names carry. A crowd region is ignored in the mask of its category and its box
 * is marked `ignore`; it still makes the category present.
 */
export const coco: Reader = async function* readCoco(root, split) {
  await requireFolder(root, "COCO");
  const index = await indexCoco(join(root, "annotations", `instances_${split}.json`));
  const known = [...index.categories.values()];
  for (const image of index.images) yield photoOf(image, index, known, join(root, split), split);
};

function photoOf(image: CocoImage, index: CocoIndex, known: string[], folder: string, split: string): LabelledPhoto {
  const annotations = index.annotations.get(image.id) ?? [];
  const path = join(folder, image.file_name);
  const name = (annotation: CocoAnnotation) => index.categories.get(annotation.category)!;
  const here = new Set(annotations.map(name));
  return {
    id: `coco/${image.file_name.replace(/\.\w+$/, "")}`,
    dataset: "coco",
    split,
    path,
    image: () => readPhoto(path, image),
    known,
    present: known.filter((category) => here.has(category)),
    masks: async () => masksOf(annotations, image, name),
    boxes: async () =>
      annotations.map((a) => ({ category: name(a), xyxy: clip(a.bbox, image), ignore: a.crowd, crowd: a.crowd })),
    boxed: known,
  };
}

async function readPhoto(path: string, { width, height }: Size) {
  const picture = await readPicture(path);
  if (picture.width !== width || picture.height !== height) {
    throw new InstructCvError(
      "dataset",
      `${path}: the annotations are for ${width}x${height}, the photo is ${picture.width}x${picture.height}.`,
    );
  }
  return picture;
}

/** Crowds first, so that a single object in front of a crowd wins. */
function masksOf(
  annotations: readonly CocoAnnotation[],
  size: Size,
  name: (annotation: CocoAnnotation) => string,
): ReadonlyMap<string, Uint8Array> {
  const masks = new Map<string, Uint8Array>();
  for (const annotation of [...annotations.filter((a) => a.crowd), ...annotations.filter((a) => !a.crowd)]) {
    const category = name(annotation);
    const mask = masks.get(category) ?? new Uint8Array(size.width * size.height);
    fillSegmentation(mask, size, annotation.segmentation, annotation.crowd ? IGNORE : 1);
    masks.set(category, mask);
  }
  return masks;
}

function clip([x, y, w, h]: CocoAnnotation["bbox"], { width, height }: Size): [number, number, number, number] {
  return [Math.max(x, 0), Math.max(y, 0), Math.min(x + w, width), Math.min(y + h, height)];
}
