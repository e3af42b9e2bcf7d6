/** Reader of the COCO layout: `annotations/instances_<split>.json` beside a folder `<split>` of photos. */
import { join } from "node:path";
import { z } from "zod";
import type { Size, Xyxy } from "../image/picture.js";
import { clipBox, hasArea } from "./box.js";
import { readAnnotations } from "./coco-annotations.js";
import { type CocoEntry, indexCoco } from "./coco-index.js";
import { fillBox, fillSegmentation } from "./coco-masks.js";
import { type CocoAnnotation, isOutlined } from "./coco-schema.js";
import { requireFolder } from "./files.js";
import { type AnnotatedBox, type Place, type Reader, Skipped } from "./sample.js";
import { readPhotoOfSize } from "./sized-photo.js";

const IGNORE = 255;

const options = z.strictObject({
  /** Annotation file, relative to the set; `annotations/instances_<split>.json` unless given. */
  annotations: z.string().optional(),
  /** Folder of the photos, relative to the set; `<split>` unless given. */
  photos: z.string().optional(),
});
type Options = z.output<typeof options>;

/**
 * `split` is `train2017`, `val2017` or whatever the two names carry. A crowd region is ignored in the mask of its category and its box
 * is marked `ignore`; it still makes the category present. So does a box that has no area inside the photo; it is marked `ignore` too,
 * of no width or height. Of an annotation without a region the whole box is ignored in the mask. A photo that is missing or of another
 * size than the file says fails when it is read. Annotations of images that are not in the file are one `Skipped` that counts them.
 */
export const coco: Reader<CocoEntry, Options> = {
  about: { title: "MS-COCO 2017", licence: "annotations CC BY 4.0; photos by their owners on Flickr" },
  options,

  async *list(place) {
    await requireFolder(place.root, "COCO");
    const path = annotationFile(place);
    const { entries, duplicates, strays } = await indexCoco(path);
    await requireFolder(photoFolder(place), "COCO's photos");
    yield* entries;
    for (const { image, reason } of duplicates) yield new Skipped(photoId(place, image.file_name), reason);
    if (strays.count > 0) {
      const reason = `${path}: ${strays.count} annotations are of images that the file does not list, the first of image ${strays.image}.`;
      yield new Skipped(`${place.name}/annotations`, reason);
    }
  },

  open(place, entry) {
    const { file, width, height, labels, present, masked } = entry;
    const path = join(photoFolder(place), file);
    const size = { width, height };
    const annotations = () => readAnnotations(annotationFile(place), entry);
    const named = async () =>
      (await annotations()).map((annotation) => ({ annotation, name: labels.names.get(annotation.category_id)! }));
    return {
      id: photoId(place, file),
      dataset: place.name,
      split: place.split,
      path,
      size,
      image: () => readPhotoOfSize(path, size),
      known: labels.known,
      present: present.map((i) => labels.known[i]!),
      ...(masked && { masks: async () => masksOf(await named(), size, annotationFile(place)) }),
      boxes: async () => (await named()).map((one) => boxOf(one, size)),
      boxed: labels.known,
    };
  },
};

interface Named {
  readonly annotation: CocoAnnotation;
  readonly name: string;
}

function annotationFile({ root, split, options: { annotations } }: Place<Options>): string {
  return join(root, annotations ?? join("annotations", `instances_${split}.json`));
}

function photoFolder({ root, split, options: { photos } }: Place<Options>): string {
  return join(root, photos ?? split);
}

function photoId({ name }: Place<Options>, file: string): string {
  return `${name}/${file.replace(/\.\w+$/, "")}`;
}

/** What is ignored first, so that a single object in front of a crowd wins. */
function masksOf(all: readonly Named[], size: Size, path: string): ReadonlyMap<string, Uint8Array> {
  const masks = new Map<string, Uint8Array>();
  const counts = ({ annotation }: Named) => annotation.iscrowd === 0 && isOutlined(annotation);
  for (const one of [...all.filter((a) => !counts(a)), ...all.filter(counts)]) {
    const { annotation, name } = one;
    const mask = masks.get(name) ?? new Uint8Array(size.width * size.height);
    masks.set(name, mask);
    if (!isOutlined(annotation)) fillBox(mask, size, clipBox(edges(annotation), size), IGNORE);
    else {
      const where = `${path}: annotation ${annotation.id}`;
      fillSegmentation(mask, size, annotation.segmentation!, counts(one) ? 1 : IGNORE, where);
    }
  }
  return masks;
}

function boxOf({ annotation, name }: Named, size: Size): AnnotatedBox {
  const xyxy = clipBox(edges(annotation), size);
  const crowd = annotation.iscrowd === 1;
  return { category: name, xyxy, ignore: crowd || !hasArea(xyxy), crowd };
}

function edges({ bbox: [x, y, width, height] }: CocoAnnotation): Xyxy {
  return [x, y, x + width, y + height];
}
