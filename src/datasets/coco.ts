/** Reader of the COCO layout: `annotations/instances_<split>.json` beside a folder `<split>` of photos. */
import { join } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { readPicture } from "../image/io.js";
import type { Size } from "../image/picture.js";
import { type CocoAnnotation, type CocoImage, indexCoco } from "./coco-index.js";
import { fillSegmentation } from "./coco-masks.js";
import { requireFolder } from "./files.js";
import type { Reader } from "./sample.js";

const IGNORE = 255;

const options = z.strictObject({});

/** A photo, the names of the 80 categories (shared by all entries) and its annotations. */
interface CocoEntry {
  readonly image: CocoImage;
  readonly known: readonly string[];
  readonly annotations: readonly NamedAnnotation[];
}
type NamedAnnotation = CocoAnnotation & { readonly name: string };

/**
 * `split` is `train2017`, `val2017` or whatever the two names carry. A crowd region is ignored in the mask of its category and its box
 * is marked `ignore`; it still makes the category present.
 */
export const coco: Reader<CocoEntry, z.output<typeof options>> = {
  about: { title: "MS-COCO 2017", licence: "annotations CC BY 4.0; photos by their owners on Flickr" },
  options,

  async *list({ root, split }) {
    await requireFolder(root, "COCO");
    const index = await indexCoco(join(root, "annotations", `instances_${split}.json`));
    const known = [...index.categories.values()];
    for (const image of index.images) {
      const annotations = (index.annotations.get(image.id) ?? []).map((annotation) => ({
        ...annotation,
        name: index.categories.get(annotation.category)!,
      }));
      yield { image, known, annotations };
    }
  },

  open({ name, root, split }, { image, known, annotations }) {
    const path = join(root, split, image.file_name);
    const here = new Set(annotations.map((annotation) => annotation.name));
    return {
      id: `${name}/${image.file_name.replace(/\.\w+$/, "")}`,
      dataset: name,
      split,
      path,
      image: () => readPhoto(path, image),
      known,
      present: known.filter((category) => here.has(category)),
      masks: async () => masksOf(annotations, image),
      boxes: async () =>
        annotations.map((a) => ({ category: a.name, xyxy: clip(a.bbox, image), ignore: a.crowd, crowd: a.crowd })),
      boxed: known,
    };
  },
};

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
function masksOf(annotations: readonly NamedAnnotation[], size: Size): ReadonlyMap<string, Uint8Array> {
  const masks = new Map<string, Uint8Array>();
  for (const annotation of [...annotations.filter((a) => a.crowd), ...annotations.filter((a) => !a.crowd)]) {
    const category = annotation.name;
    const mask = masks.get(category) ?? new Uint8Array(size.width * size.height);
    fillSegmentation(mask, size, annotation.segmentation, annotation.crowd ? IGNORE : 1);
    masks.set(category, mask);
  }
  return masks;
}

function clip([x, y, w, h]: CocoAnnotation["bbox"], { width, height }: Size): [number, number, number, number] {
  return [Math.max(x, 0), Math.max(y, 0), Math.min(x + w, width), Math.min(y + h, height)];
}
