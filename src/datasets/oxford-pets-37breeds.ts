/** Reader of a flat folder of Pets photos squashed to 224x224, breed in the file name: classification only. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { InstructCvError } from "../errors.js";
import { readPicture } from "../image/io.js";
import { createRng } from "../random.js";
import { breedOf, PET_CATEGORIES } from "./breeds.js";
import { requireFolder } from "./files.js";
import type { LabelledPhoto, Reader } from "./sample.js";

/** Share of the photos that a hash of the name puts into `test`. */
const TEST_SHARE = 0.2;

/** `split` is `train` or `test`, made by a hash of the name: the set has no lists of its own. */
export const oxfordPets37: Reader = async function* readBreeds(root, split) {
  await requireFolder(root, "Oxford-IIIT Pets, 37 breeds");
  const names = (await readdir(root)).filter((file) => file.endsWith(".jpg")).map((file) => file.slice(0, -4));
  for (const name of names.sort()) {
    if ((createRng(`37breeds/${name}`).next() < TEST_SHARE ? "test" : "train") !== split) continue;
    const path = join(root, `${name}.jpg`);
    const pet = breedOf(name);
    if (!pet) throw new InstructCvError("dataset", `${path}: the file name does not begin with one of the 37 breeds.`);
    yield {
      id: `oxford-pets-37breeds/${name}`,
      dataset: "oxford-pets-37breeds",
      split,
      path,
      image: () => readPicture(path),
      known: PET_CATEGORIES,
      present: [pet.species, pet.breed],
    } satisfies LabelledPhoto;
  }
};
