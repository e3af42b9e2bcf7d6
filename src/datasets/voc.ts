/** Reader of the PASCAL VOC layout: photos with class masks, with boxes, or with both. */
import { join } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { readIndexed8, readPicture, readPictureSize } from "../image/io.js";
import { readList, readNames, requireFolder } from "./files.js";
import { labelsIn } from "./label-map.js";
import { type AnnotatedBox, type Place, type Reader, Skipped } from "./sample.js";
import { readPhotoOfSize, requireSize } from "./sized-photo.js";
import { VOC_CLASSES } from "./voc-classes.js";
import { readClassMasks, readInstanceBoxes } from "./voc-masks.js";
import { boxesIn, readVocXml } from "./voc-xml.js";

export { VOC_CLASSES } from "./voc-classes.js";

const options = z
  .strictObject({
    /** Which lists name the photos: `segmentation` those with a mask, `main` all of the detection and classification tasks. */
    list: z.enum(["segmentation", "main"]).default("segmentation"),
    /** Folder of the class masks, relative to the set (`SegmentationClassAug` for those that SBD adds). */
    masks: z.string().default("SegmentationClass"),
    /**
     * `xml`: of the files in `Annotations`, which every photo must have; `instances`: drawn around the instances of `SegmentationObject`,
     * where a photo has such a mask; `none`: no boxes, for sets that have only masks.
     */
    boxes: z.enum(["xml", "instances", "none"]).default("xml"),
    /** Classes of which every instance has a box; all 20 as in the original unless given. */
    boxed: z.array(z.enum(VOC_CLASSES)).default([...VOC_CLASSES]),
  })
  .refine(({ list, boxes }) => list === "segmentation" || boxes === "xml", {
    path: ["boxes"],
    message: 'lists of "main" have photos without masks, which need "xml"',
  });
type Options = z.output<typeof options>;

/** A photo and the indices of its classes in `VOC_CLASSES`. */
interface VocEntry {
  readonly name: string;
  readonly present: readonly number[];
  /** Of its mask, or as its annotation says; null where neither tells. */
  readonly size: readonly [width: number, height: number] | null;
  readonly masked: boolean;
  readonly boxed: boolean;
}

/**
 * `split` is the name of a list in `ImageSets/Segmentation` or `ImageSets/Main`. Lists of one class (`dog_train`) name its photos: the
 * lines whose second column is 1. Presence of the 20 classes is what the mask shows or a box, difficult or not, frames; where a photo
 * has no mask, only of those in `boxed`. Boxes are 1-based and inclusive in the files, half-open pixels here. A photo whose annotation
 * or mask is missing, broken or of another size is skipped.
 */
export const voc: Reader<VocEntry, Options> = {
  about: { title: "PASCAL VOC", licence: "none stated (Flickr)" },
  options,

  async *list(place) {
    const { name: dataset, root, split } = place;
    const { list, boxes } = place.options;
    await requireFolder(root, "VOC");
    const names = await readSplit(join(root, "ImageSets", list === "main" ? "Main" : "Segmentation", `${split}.txt`));
    if (list === "segmentation") await requireFolder(maskFolder(place), "VOC's class masks");
    if (boxes === "xml") await requireFolder(join(root, "Annotations"), "VOC's annotations");
    const masks = list === "main" ? await namesIn(maskFolder(place)) : undefined;
    const instances = boxes === "instances" ? await namesIn(join(root, "SegmentationObject")) : undefined;
    for (const name of names) {
      const masked = masks?.has(`${name}.png`) ?? true;
      const boxed = instances?.has(`${name}.png`) ?? boxes === "xml";
      try {
        yield await entryOf(place, name, masked, boxed);
      } catch (error) {
        if (!(error instanceof InstructCvError)) throw error;
        yield new Skipped(`${dataset}/${name}`, error.message);
      }
    }
  },

  open(place, { name, present, size: sides, masked, boxed }) {
    const path = join(place.root, "JPEGImages", `${name}.jpg`);
    const size = sides ? { width: sides[0], height: sides[1] } : undefined;
    return {
      id: `${place.name}/${name}`,
      dataset: place.name,
      split: place.split,
      path,
      size,
      image: () => (size ? readPhotoOfSize(path, size) : readPicture(path)),
      known: masked ? VOC_CLASSES : place.options.boxed,
      present: present.map((i) => VOC_CLASSES[i]!),
      ...(masked && { masks: () => readClassMasks(classMask(place, name)) }),
      ...(boxed && {
        boxes: async () => (await readBoxes(place, name, path)).filter((box) => isBoxed(place, box.category)),
        boxed: place.options.boxed,
      }),
    };
  },
};

async function entryOf(place: Place<Options>, name: string, masked: boolean, boxed: boolean): Promise<VocEntry> {
  const annotation = place.options.boxes === "xml" ? await readVocXml(xmlFile(place, name)) : undefined;
  const mask = masked ? await readIndexed8(classMask(place, name)) : undefined;
  if (mask && annotation?.size) requireSize(classMask(place, name), mask, annotation.size);
  const framed = annotation?.objects.map(({ category }) => category).filter((category) => isBoxed(place, category));
  const shown = new Set(mask && labelsIn(mask.data));
  const present = VOC_CLASSES.flatMap((category, i) => (shown.has(i + 1) || framed?.includes(category) ? [i] : []));
  const size = mask ?? annotation?.size;
  return { name, present, size: size ? [size.width, size.height] : null, masked, boxed };
}

async function readBoxes(place: Place<Options>, name: string, photo: string): Promise<AnnotatedBox[]> {
  if (place.options.boxes === "instances") {
    return readInstanceBoxes(join(place.root, "SegmentationObject", `${name}.png`), classMask(place, name));
  }
  const annotation = await readVocXml(xmlFile(place, name));
  return boxesIn(annotation, annotation.size ?? (await readPictureSize(photo)));
}

/** The photos of a list. @throws {InstructCvError} "dataset" for a line that is neither `name` nor `name -1|0|1`. */
async function readSplit(path: string): Promise<string[]> {
  const lines = (await readList(path)).map((line) => line.split(/\s+/));
  const odd = lines.find(([, flag = "1", ...rest]) => !["-1", "0", "1"].includes(flag) || rest.length > 0);
  if (odd) {
    throw new InstructCvError("dataset", `${path}: expected "name" or "name -1|0|1", found "${odd.join(" ")}".`);
  }
  return lines.filter(([, flag = "1"]) => flag === "1").map(([name]) => name!);
}

async function namesIn(folder: string): Promise<ReadonlySet<string | null>> {
  return new Set(await readNames(folder).catch(() => []));
}

const isBoxed = ({ options: { boxed } }: Place<Options>, category: string) =>
  (boxed as readonly string[]).includes(category);
const maskFolder = ({ root, options: { masks } }: Place<Options>) => join(root, masks);
const classMask = (place: Place<Options>, name: string) => join(maskFolder(place), `${name}.png`);
const xmlFile = ({ root }: Place<Options>, name: string) => join(root, "Annotations", `${name}.xml`);
