/** Reader of a flat folder of Pets photos squashed to 224x224, breed in the file name: classification only. */
import { join, resolve } from "node:path";
import { z } from "zod";
import { readPicture } from "../image/io.js";
import { createRng } from "../random.js";
import { breedOf, PET_CATEGORIES } from "./breeds.js";
import { readList, readNames, requireFolder } from "./files.js";
import { type Reader, Skipped } from "./sample.js";

/** Share of the photos that a hash of the name puts into `test`. */
const TEST_SHARE = 0.2;

const options = z.strictObject({
  /** Folder of the native Pets layout, relative to this set: photos that its lists name (the same originals) are left out. */
  without: z.string().optional(),
});

/** `split` is `train` or `test`, made by a hash of the name: the set has no lists of its own. An entry is the name of a photo. */
export const oxfordPets37: Reader<string, z.output<typeof options>> = {
  about: { title: "Oxford-IIIT Pets, 37 breeds at 224x224", licence: "MIT (repository)" },
  options,

  async *list({ name: dataset, root, split, options: { without } }) {
    await requireFolder(root, "Oxford-IIIT Pets, 37 breeds");
    const twins = without === undefined ? new Set() : await petNames(resolve(root, without));
    for (const file of await readNames(root)) {
      if (file === null) yield new Skipped(`${dataset}/?`, `${root}: a file name is not UTF-8.`);
      if (!file?.endsWith(".jpg")) continue;
      const name = file.slice(0, -4);
      if ((createRng(`37breeds/${name}`).next() < TEST_SHARE ? "test" : "train") !== split || twins.has(name)) continue;
      if (breedOf(name)) yield name;
      else
        yield new Skipped(`${dataset}/${name}`, `${join(root, name)}.jpg: the name begins with none of the 37 breeds.`);
    }
  },

  open({ name: dataset, root, split }, name) {
    const path = join(root, `${name}.jpg`);
    const { breed, species } = breedOf(name)!;
    return {
      id: `${dataset}/${name}`,
      dataset,
      split,
      path,
      image: () => readPicture(path),
      known: PET_CATEGORIES,
      present: [species, breed],
    };
  },
};

/** The photos that the lists of the native Pets layout name. */
async function petNames(root: string): Promise<ReadonlySet<string>> {
  const lists = await Promise.all(
    ["trainval", "test"].map((split) => readList(join(root, "annotations", `${split}.txt`))),
  );
  return new Set(lists.flat().map((line) => line.split(/\s+/)[0]!));
}
