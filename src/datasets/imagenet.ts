/** Reader of ImageNet's class folders: photos with one label each, for classification. */
import { join, resolve } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { readPicture } from "../image/io.js";
import { pooledName } from "./coco-names.js";
import { readNames, requireFolder } from "./files.js";
import { readImageNetClasses } from "./imagenet-classes.js";
import { type Reader, Skipped } from "./sample.js";

const PHOTO = /\.(jpe?g|png)$/i;

const options = z.strictObject({
  /** File with the names of the class folders, under the root or absolute; see `readImageNetClasses`. */
  classes: z.string().default("LOC_synset_mapping.txt"),
  /** The classes to read, by WordNet id or name; all of the file unless given. */
  classes_only: z.array(z.string()).min(1).optional(),
});

/** Path of a photo under its split, its class, and the names of all classes that are read (one array, shared by all entries). */
interface ImageNetEntry {
  readonly file: string;
  readonly category: string;
  readonly known: readonly string[];
}

/**
 * `split` is the folder under `root` that holds a folder for each class, named by its WordNet id. Only classes of the map (and of
 * `classes_only`) are read, and each must be there; other folders are passed over. A photo has one label, so every other class counts
 * as absent, which is not always so (a desk with a keyboard). Names are words: `kite` is the bird here and the toy in COCO; a
 * map of one's own can tell such classes apart. Files lie about their kind (a PNG and CMYK JPEGs are among the `.JPEG` files); the
 * content decides.
 */
export const imagenet: Reader<ImageNetEntry, z.output<typeof options>> = {
  about: { title: "ImageNet (ILSVRC 2012)", licence: "research and education, not commercial; photos by their owners" },
  options,

  async *list({ name: dataset, root, split, options: { classes: file, classes_only: only } }) {
    await requireFolder(root, "ImageNet");
    const map = resolve(root, file);
    const classes = chosen(await readImageNetClasses(map), only, map);
    const folder = join(root, split);
    await requireFolder(folder, `the ImageNet split ${split}`);
    await requireClassFolders(folder, [...classes.keys()], map);
    const known = [...new Set(classes.values())];
    for (const [wnid, category] of classes) {
      let found = false;
      for (const name of await readNames(join(folder, wnid))) {
        if (name === null)
          yield new Skipped(`${dataset}/${wnid}/?`, `${join(folder, wnid)}: a name that is not UTF-8.`);
        else if (PHOTO.test(name)) {
          found = true;
          yield { file: `${wnid}/${name}`, category, known };
        }
      }
      if (!found) throw new InstructCvError("dataset", `${join(folder, wnid)}: holds no photo.`, "Check its archive.");
    }
  },

  open({ name: dataset, root, split }, { file, category, known }) {
    const path = join(root, split, file);
    return {
      id: `${dataset}/${file.replace(PHOTO, "")}`,
      dataset,
      split,
      path,
      image: () => readPicture(path),
      known,
      present: [category],
    };
  },
};

function chosen(classes: ReadonlyMap<string, string>, only: readonly string[] | undefined, map: string) {
  if (!only) return classes;
  const wanted = new Set<string>();
  for (const name of only) {
    const wnids = [...classes].filter(([wnid, category]) => wnid === name || category === pooledName(name));
    if (wnids.length === 0) throw new InstructCvError("dataset", `${map}: has no class "${name}" of classes_only.`);
    for (const [wnid] of wnids) wanted.add(wnid);
  }
  return new Map([...classes].filter(([wnid]) => wanted.has(wnid)));
}

async function requireClassFolders(folder: string, wnids: readonly string[], map: string): Promise<void> {
  const names = new Set(await readNames(folder));
  const missing = wnids.filter((wnid) => !names.has(wnid));
  if (missing.length === 0) return;
  const flat = [...names].find((name) => name !== null && PHOTO.test(name));
  if (missing.length === wnids.length && flat) {
    throw new InstructCvError(
      "dataset",
      `${folder}: expected a folder for each class such as ${wnids[0]}, found photos (${flat}).`,
      "Sort them into class folders first; LOC_val_solution.csv or the devkit's ground truth says where each belongs.",
    );
  }
  throw new InstructCvError(
    "dataset",
    `${join(folder, missing[0]!)}: expected a folder for each of the ${wnids.length} classes of ${map}, ${missing.length} are missing.`,
    "Unpack them, or name the classes you have in classes_only.",
  );
}
