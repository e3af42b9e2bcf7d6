/** Reader of FSS-1000: ten photos of each of 1000 things, one folder a thing, with the mask of that thing. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { readPicture, readPictureSize } from "../image/io.js";
import type { Picture } from "../image/picture.js";
import { pooledName } from "./coco-names.js";
import { readList, readNames, requireFolder } from "./files.js";
import { type Place, type Reader, Skipped } from "./sample.js";
import { requireSize } from "./sized-photo.js";

/** Half-way between black and white: a few masks have soft edges. */
const OBJECT = 128;
/** A mask has no colours; a photo in its place has, and not only where it was compressed. */
const MOST_COLOUR = 48;

const options = z.strictObject({});

/**
 * `split` is `all`, or the name of a file `<split>.txt` in `root` with the folder names of its classes, one a line: the official 240
 * test classes are the `fss_test_set.txt` of github.com/HKUSTCV/FSS-1000. An entry is the path of a photo under `root` without extension.
 *
 * Nothing is known of a photo but that its one class is there, so classes are never absent. Quirks of the release that are left out
 * photo by photo: stray `.jpeg` files without a mask, six masks of another size than their photo, a photo in place of a mask.
 */
export const fss1000: Reader<string, z.output<typeof options>> = {
  about: { title: "FSS-1000", licence: "none stated (research)" },
  options,

  async *list(place) {
    const { name: dataset, root } = place;
    await requireFolder(root, "FSS-1000");
    const classes = await classesOf(place);
    let found = false;
    for (const folder of classes) {
      if (folder instanceof Skipped) {
        yield folder;
        continue;
      }
      const names = await readNames(join(root, folder));
      const photos = names.flatMap((name) => (name?.match(/^\d+\.jpg$/) ? [Number.parseInt(name, 10)] : []));
      for (const number of photos.sort((a, b) => a - b)) {
        found = true;
        if (names.includes(`${number}.png`)) yield `${folder}/${number}`;
        else
          yield new Skipped(`${dataset}/${folder}/${number}`, `${join(root, folder, `${number}.png`)}: no such mask.`);
      }
    }
    if (found) return;
    throw new InstructCvError("dataset", `${root}: expected folders of photos 1.jpg to 10.jpg, found none.`);
  },

  open({ name: dataset, root, split }, entry) {
    const path = join(root, `${entry}.jpg`);
    const category = categoryOf(entry.slice(0, entry.lastIndexOf("/")));
    return {
      id: `${dataset}/${entry}`,
      dataset,
      split,
      path,
      image: () => readPicture(path),
      known: [category],
      present: [category],
      masks: async () => new Map([[category, await readMask(join(root, `${entry}.png`), path)]]),
    };
  },
};

/** `abe's_flyingfish`, `motorbike`, `earphone2` (the second kind of them) to abe's flyingfish, motorcycle, earphone. */
function categoryOf(folder: string): string {
  return pooledName(folder.replaceAll("_", " ").replace(/(?<=[a-z])[12]$/, ""));
}

/** Folder names in a stable order. */
async function classesOf({ name: dataset, root, split }: Place): Promise<(string | Skipped)[]> {
  const names = await readNames(root);
  if (split === "all") {
    const found: (string | Skipped)[] = [];
    for (const name of names) {
      if (name === null) found.push(new Skipped(`${dataset}/?`, `${root}: holds a name that is not UTF-8.`));
      else if ((await stat(join(root, name))).isDirectory()) found.push(name);
    }
    return found;
  }
  const list = join(root, `${split}.txt`);
  if (!names.includes(`${split}.txt`)) {
    throw new InstructCvError(
      "dataset",
      `${list}: expected the classes of the split, found no such file.`,
      'Put a list of class names there, such as the official fss_test_set.txt, or ask for the split "all".',
    );
  }
  const classes = await readList(list);
  for (const [i, name] of classes.entries()) {
    if (classes.indexOf(name) !== i) throw new InstructCvError("dataset", `${list}: names the class "${name}" twice.`);
    if (!names.includes(name)) {
      throw new InstructCvError(
        "dataset",
        `${join(root, name)}: expected the folder of a class of ${split}.txt, found nothing.`,
        "Check that the dataset is complete.",
      );
    }
  }
  return classes;
}

/** White on black, in whatever kind of PNG. */
async function readMask(path: string, photo: string): Promise<Uint8Array> {
  const picture = await readPicture(path);
  requireSize(path, picture, await readPictureSize(photo));
  const { width, height, data } = picture;
  if (hasColours(picture)) throw new InstructCvError("dataset", `${path}: expected white on black, found colours.`);
  const mask = new Uint8Array(width * height);
  for (let i = 0; i < mask.length; i++) mask[i] = data[3 * i]! >= OBJECT ? 1 : 0;
  if (mask.includes(1)) return mask;
  throw new InstructCvError("dataset", `${path}: expected an object in white on black, found no white pixel.`);
}

function hasColours({ data }: Picture): boolean {
  for (let i = 0; i < data.length; i += 3) {
    const [r, g, b] = [data[i]!, data[i + 1]!, data[i + 2]!];
    if (Math.max(r, g, b) - Math.min(r, g, b) > MOST_COLOUR) return true;
  }
  return false;
}
