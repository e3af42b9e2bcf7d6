/** Reader of frame lists that name a photo and its depth map in each line: the lists of BTS and DenseDepth for NYUv2. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { readPicture } from "../image/io.js";
import { levelsPerMetre, readDepthPng } from "./depth-png.js";
import { readList, requireFolder } from "./files.js";
import { type Reader, Skipped } from "./sample.js";

const options = z.strictObject({
  /** Grey levels a metre of 16-bit depth maps; 1000 = millimetres, 256 in lists of KITTI. Maps of 8 bits span 0..10 m. */
  levels_per_metre: z.number().positive().default(1000),
});

/** Photo and depth map, relative to the folder. */
type BtsEntry = readonly [photo: string, depth: string];

/**
 * `split` names a list `<split>.txt` or `<split>.csv` in the folder (it may be a path, `../lists/nyudepthv2_train_files_with_gt`), whose
 * lines are `/kitchen_0028b/rgb_00045.jpg /kitchen_0028b/sync_depth_00045.png 518.8579`; the paths are relative to the folder, with or
 * without a slash before them, blanks or commas between them. The focal length is not needed. A frame whose depth is `None` is skipped.
 */
export const nyuv2Bts: Reader<BtsEntry, z.output<typeof options>> = {
  about: { title: "NYU Depth V2, raw frames", licence: "none stated (research)" },
  options,

  async *list({ name, root, split }) {
    await requireFolder(root, "NYUv2");
    const csv = join(root, `${split}.csv`);
    const path = await access(csv).then(
      () => csv,
      () => join(root, `${split}.txt`),
    );
    const lines = await readList(path);
    const width = lines[0]?.split(/[\s,]+/).length;
    for (const [i, line] of lines.entries()) {
      const fields = line.split(/[\s,]+/);
      const [photo, depth] = fields;
      if (!photo || !depth || fields.length !== width) {
        throw new InstructCvError(
          "dataset",
          `${path}: expected a photo, a depth map and ${width === 2 ? "no more" : "a focal length"}, found "${line}" in line ${i + 1} of the list.`,
          "Check that the list is complete.",
        );
      }
      const relative = photo.replace(/^\/+/, "");
      if (depth === "None") yield new Skipped(idOf(name, relative), `${path}: no depth map ("None").`);
      else yield [relative, depth.replace(/^\/+/, "")];
    }
  },

  open({ name, root, split, options: { levels_per_metre } }, [photo, depth]) {
    const path = join(root, photo);
    return {
      id: idOf(name, photo),
      dataset: name,
      split,
      path,
      image: () => readPicture(path),
      known: [],
      present: [],
      depth: () => readDepthPng(join(root, depth), path, levelsPerMetre(levels_per_metre)),
    };
  },
};

const idOf = (name: string, photo: string) => `${name}/${photo.replace(/\.\w+$/, "")}`;
