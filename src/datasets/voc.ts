/** Reader of the PASCAL VOC layout: photos that have a class mask, with their boxes. */
import { join } from "node:path";
import { XMLParser } from "fast-xml-parser";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { readIndexed8, readPicture } from "../image/io.js";
import { readDatasetText, readList, requireFolder } from "./files.js";
import type { AnnotatedBox, Reader } from "./sample.js";

/**
 * The 20 classes in the order of their palette indices 1..20, in the spelling of COCO where both sets have the class
 * (VOC says aeroplane, diningtable, motorbike, pottedplant, sofa, tvmonitor), so that pooled data has one name a thing.
 */
export const VOC_CLASSES = [
  ..."airplane,bicycle,bird,boat,bottle,bus,car,cat,chair,cow".split(","),
  ..."dining table,dog,horse,motorcycle,person,potted plant,sheep,couch,train,tv".split(","),
] as const satisfies readonly string[];

const COCO_SPELLING: Readonly<Record<string, string>> = {
  aeroplane: "airplane",
  diningtable: "dining table",
  motorbike: "motorcycle",
  pottedplant: "potted plant",
  sofa: "couch",
  tvmonitor: "tv",
};

const IGNORE = 255;

const options = z.strictObject({
  /** Classes of which every instance has a box; all 20 as in the original unless given. */
  boxed: z.array(z.enum(VOC_CLASSES)).default([...VOC_CLASSES]),
});

/** A photo, the indices of its classes in `VOC_CLASSES`, and its boxes. */
interface VocEntry {
  readonly name: string;
  readonly present: readonly number[];
  readonly boxes: readonly AnnotatedBox[];
}

/**
 * `split` is the name of a list in `ImageSets/Segmentation`. Presence of the 20 classes is what the mask shows (or a box, where
 * the mask misses a tiny object). Boxes are 1-based and inclusive in the files, half-open pixels here.
 */
export const voc: Reader<VocEntry, z.output<typeof options>> = {
  about: { title: "PASCAL VOC", licence: "none stated (Flickr)" },
  options,

  async *list({ root, split, options: { boxed } }) {
    await requireFolder(root, "VOC");
    for (const name of await readList(join(root, "ImageSets", "Segmentation", `${split}.txt`))) {
      const found = await readBoxes(join(root, "Annotations", `${name}.xml`));
      const boxes = found.filter((box) => (boxed as readonly string[]).includes(box.category));
      const indices = new Set((await readIndexed8(join(root, "SegmentationClass", `${name}.png`))).data);
      const present = VOC_CLASSES.flatMap((category, i) =>
        indices.has(i + 1) || boxes.some((box) => box.category === category) ? [i] : [],
      );
      yield { name, present, boxes };
    }
  },

  open({ name: dataset, root, split, options: { boxed } }, { name, present, boxes }) {
    const path = join(root, "JPEGImages", `${name}.jpg`);
    return {
      id: `${dataset}/${name}`,
      dataset,
      split,
      path,
      image: () => readPicture(path),
      known: VOC_CLASSES,
      present: present.map((i) => VOC_CLASSES[i]!),
      masks: () => readMasks(join(root, "SegmentationClass", `${name}.png`)),
      boxes: async () => boxes,
      boxed,
    };
  },
};

async function readMasks(path: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const { data } = await readIndexed8(path);
  const masks = new Map<string, Uint8Array>();
  for (const index of [...new Set(data)].sort((a, b) => a - b)) {
    if (index === 0 || index === IGNORE) continue;
    const category = VOC_CLASSES[index - 1];
    if (!category) {
      throw new InstructCvError(
        "dataset",
        `${path}: palette index ${index}, expected 0 to ${VOC_CLASSES.length} or 255.`,
      );
    }
    const mask = new Uint8Array(data.length);
    for (let i = 0; i < data.length; i++) mask[i] = data[i] === index ? 1 : data[i] === IGNORE ? IGNORE : 0;
    masks.set(category, mask);
  }
  return masks;
}

const xml = new XMLParser({ isArray: (name) => name === "object" });

/** Boxes of an annotation file, clipped to the photo, categories in COCO's spelling. */
export async function readBoxes(path: string): Promise<AnnotatedBox[]> {
  const { annotation } = xml.parse(await readDatasetText(path)) as VocXml;
  const size = annotation?.size;
  if (!size) throw new InstructCvError("dataset", `${path}: expected a VOC annotation with a size, found none.`);
  return (annotation.object ?? []).map(({ name, difficult, bndbox }) => {
    const edges = [bndbox.xmin - 1, bndbox.ymin - 1, bndbox.xmax, bndbox.ymax];
    if (!edges.every(Number.isFinite))
      throw new InstructCvError("dataset", `${path}: a box of ${name} has no numbers.`);
    const [x1, y1, x2, y2] = edges.map((v, i) => Math.min(Math.max(v, 0), i % 2 === 0 ? size.width : size.height));
    return { category: COCO_SPELLING[name] ?? name, xyxy: [x1!, y1!, x2!, y2!], ignore: Number(difficult) === 1 };
  });
}

interface VocXml {
  annotation?: {
    size?: { width: number; height: number };
    object?: { name: string; difficult?: number | string; bndbox: Record<"xmin" | "ymin" | "xmax" | "ymax", number> }[];
  };
}
