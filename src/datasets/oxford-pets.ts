/** Reader of the native Oxford-IIIT Pets layout: one cat or dog a photo, its breed and a trimap. */
import { join } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { type IndexMap, readIndexed8, readPicture } from "../image/io.js";
import { breedOf, PET_CATEGORIES } from "./breeds.js";
import { readList, requireFolder } from "./files.js";
import type { AnnotatedBox, Reader } from "./sample.js";

/** Values of a trimap. The band (3) straddles the outline: ignored when measured, drawn as pet when trained on. */
const PET = 1;
const BACKGROUND = 2;
const IGNORE = 255;
const SPECIES = ["cat", "dog"];

const options = z.strictObject({});

/**
 * `split` is `trainval` or `test` (lists in `annotations`, `#` comments allowed). Masks and boxes are of the species; the box is
 * the tight box of everything the trimap does not call background, because the boxes of `xmls` frame heads only. Breeds count for
 * classification. The extension of a photo lies sometimes (a GIF named .jpg), which `readPicture` does not mind. An entry is the name
 * of a photo.
 */
export const oxfordPets: Reader<string, z.output<typeof options>> = {
  about: { title: "Oxford-IIIT Pets", licence: "research purposes" },
  options,

  async *list({ root, split }) {
    await requireFolder(root, "Oxford-IIIT Pets");
    const list = join(root, "annotations", `${split}.txt`);
    for (const line of await readList(list)) {
      const [name = "", , speciesId] = line.split(/\s+/);
      if (!breedOf(name) || (speciesId !== "1" && speciesId !== "2")) {
        throw new InstructCvError("dataset", `${list}: expected "Breed_1 class species id", found "${line}".`);
      }
      yield name;
    }
  },

  open({ name: dataset, root, split }, name) {
    const { breed, species } = breedOf(name)!;
    const path = join(root, "images", `${name}.jpg`);
    const trimap = join(root, "annotations", "trimaps", `${name}.png`);
    return {
      id: `${dataset}/${name}`,
      dataset,
      split,
      path,
      image: () => readPicture(path),
      known: PET_CATEGORIES,
      present: [species, breed],
      masks: async () => new Map([[species, maskOf(await readIndexed8(trimap))]]),
      masked: SPECIES,
      ignoreDrawnAs: "foreground",
      boxes: async () => boxesOf(await readIndexed8(trimap), species),
      boxed: SPECIES,
    };
  },
};

function maskOf({ data }: IndexMap): Uint8Array {
  return data.map((value) => (value === PET ? 1 : value === BACKGROUND ? 0 : IGNORE));
}

/** No box when the trimap is all background. */
function boxesOf({ data, width, height }: IndexMap, category: string): AnnotatedBox[] {
  let [x1, y1, x2, y2] = [width, height, 0, 0];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (data[i] === BACKGROUND) continue;
      x1 = Math.min(x1, x);
      x2 = Math.max(x2, x + 1);
      y1 = Math.min(y1, y);
      y2 = y + 1;
    }
  }
  return x2 > x1 ? [{ category, xyxy: [x1, y1, x2, y2], ignore: false }] : [];
}
