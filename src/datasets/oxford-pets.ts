/** Reader of the native Oxford-IIIT Pets layout: one cat or dog a photo, its breed, a trimap and often a box of its head. */
import { join } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { type IndexMap, readIndexed8, readPicture, readPictureSize } from "../image/io.js";
import { breedOf, HEADS, PET_CATEGORIES, type Species } from "./breeds.js";
import { readList, readNames, requireFolder } from "./files.js";
import { boxesOfValues } from "./label-boxes.js";
import type { AnnotatedBox, Place, Reader } from "./sample.js";
import { requireSize } from "./sized-photo.js";
import { boxesIn, readVocXml } from "./voc-xml.js";

/** Values of a trimap. The band (3) straddles the outline: ignored when measured, drawn as pet when trained on. */
const PET = 1;
const BACKGROUND = 2;
const IGNORE = 255;
const SPECIES = ["cat", "dog"];

const options = z.strictObject({
  /** `body`: the pet, boxed by its trimap, every photo; `head`: its head, where `annotations/xmls` has a file for the photo. */
  boxes: z.enum(["body", "head"]).default("body"),
});
type Options = z.output<typeof options>;

/** The name of a photo, and whether its head is boxed. */
interface PetEntry {
  readonly name: string;
  readonly head: boolean;
}

/**
 * `split` is `trainval`, `test` or `list` (both; files in `annotations`, `#` comments allowed). Masks and boxes are of the species; the
 * box is the tight box of everything the trimap does not call background. Boxes of heads have the categories "cat head" and "dog head",
 * of which nothing is known in photos without such a box. Breeds count for classification. The extension of a photo lies sometimes
 * (a GIF or PNG named .jpg), which `readPicture` does not mind; what no list names (the .mat files among the images) is not looked at.
 */
export const oxfordPets: Reader<PetEntry, Options> = {
  about: { title: "Oxford-IIIT Pets", licence: "research purposes" },
  options,

  async *list({ root, split, options: { boxes } }) {
    await requireFolder(root, "Oxford-IIIT Pets");
    const list = join(root, "annotations", `${split}.txt`);
    const heads = boxes === "head" ? await headFiles(root) : undefined;
    for (const line of await readList(list)) {
      const [name = "", , speciesId] = line.split(/\s+/);
      if (!breedOf(name) || (speciesId !== "1" && speciesId !== "2")) {
        throw new InstructCvError("dataset", `${list}: expected "Breed_1 class species id", found "${line}".`);
      }
      yield { name, head: heads?.has(`${name}.xml`) ?? false };
    }
  },

  open(place, { name, head }) {
    const { breed, species } = breedOf(name)!;
    const path = join(place.root, "images", `${name}.jpg`);
    const trimap = () => readTrimap(join(place.root, "annotations", "trimaps", `${name}.png`), path);
    const heads = Object.values(HEADS);
    return {
      id: `${place.name}/${name}`,
      dataset: place.name,
      split: place.split,
      path,
      image: () => readPicture(path),
      known: head ? [...PET_CATEGORIES, ...heads] : PET_CATEGORIES,
      present: head ? [species, breed, HEADS[species]] : [species, breed],
      masks: async () => new Map([[species, maskOf(await trimap())]]),
      masked: SPECIES,
      ignoreDrawnAs: "foreground",
      ...(place.options.boxes === "body" && {
        boxes: async () => bodyOf(await trimap(), species),
        boxed: SPECIES,
      }),
      ...(head && { boxes: () => readHeads(place, name, path, species), boxed: heads }),
    };
  },
};

/** @throws {InstructCvError} "dataset" when the trimap is of another size than its photo. */
async function readTrimap(path: string, photo: string): Promise<IndexMap> {
  const [trimap, size] = await Promise.all([readIndexed8(path), readPictureSize(photo)]);
  requireSize(path, trimap, size);
  return trimap;
}

function maskOf({ data }: IndexMap): Uint8Array {
  return data.map((value) => (value === PET ? 1 : value === BACKGROUND ? 0 : IGNORE));
}

/** No box when the trimap is all background. */
function bodyOf(trimap: IndexMap, category: string): AnnotatedBox[] {
  const frames = boxesOfValues(trimap, (pixel) => (trimap.data[pixel] === BACKGROUND ? 0 : PET));
  return [...frames.values()].map((xyxy) => ({ category, xyxy, ignore: false }));
}

async function headFiles(root: string): Promise<ReadonlySet<string | null>> {
  const folder = join(root, "annotations", "xmls");
  await requireFolder(folder, "the head boxes of Oxford-IIIT Pets");
  return new Set(await readNames(folder));
}

/** The files call a head by its species. A few photos have two. */
async function readHeads({ root }: Place, name: string, photo: string, species: Species): Promise<AnnotatedBox[]> {
  const path = join(root, "annotations", "xmls", `${name}.xml`);
  const annotation = await readVocXml(path);
  const size = await readPictureSize(photo);
  if (annotation.size) requireSize(path, annotation.size, size);
  return boxesIn(annotation, size).map((box) => ({ ...box, category: HEADS[species] }));
}
