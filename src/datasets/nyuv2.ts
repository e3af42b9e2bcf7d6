/** Reader of NYUv2 as a folder of photos, 8-bit depth maps and NYU40 label maps. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { readIndexed8, readPicture } from "../image/io.js";
import { levelsPerMetre, readDepthPng } from "./depth-png.js";
import { readList, requireFolder } from "./files.js";
import { NYU_37 } from "./indoor-names.js";
import { type LabelMeaning, labelsIn, masksOfLabels } from "./label-map.js";
import { type Reader, Skipped } from "./sample.js";

/** NYU40 classes begin at 0 in the maps; 37 and 38 are other structure and other furniture, 39 is other props and unlabelled. */
const NAMELESS = [37, 38];
const UNLABELLED = 39;

const options = z.strictObject({});

/** The number of a frame, and the indices in `NYU_37` of what its label map shows; null when the set has no label maps. */
interface NyuEntry {
  readonly frame: string;
  readonly present: readonly number[] | null;
}

/**
 * `split` names a list of frame numbers `<split>.txt` (the shared pool: `train` = official 795, `dev` = half of the official test).
 * `nyu_images/N.jpg`, `nyu_depths/N.png` (metres = v / 25.5) and, if the folder is there, `nyu_labels40/N.png`.
 */
export const nyuv2: Reader<NyuEntry, z.output<typeof options>> = {
  about: { title: "NYU Depth V2", licence: "none stated (research)" },
  options,

  async *list({ name, root, split }) {
    await requireFolder(root, "NYUv2");
    const labelled = await stat(join(root, "nyu_labels40")).then(
      (found) => found.isDirectory(),
      () => false,
    );
    for (const frame of await readList(join(root, `${split}.txt`))) {
      if (!labelled) {
        yield { frame, present: null };
        continue;
      }
      try {
        const labels = labelsIn(await readLabels(labelPath(root, frame)));
        yield { frame, present: labels.filter((label) => label < NYU_37.length) };
      } catch (error) {
        if (!(error instanceof InstructCvError)) throw error;
        yield new Skipped(`${name}/${frame}`, error.message);
      }
    }
  },

  open({ name, root, split }, { frame, present }) {
    const path = join(root, "nyu_images", `${frame}.jpg`);
    return {
      id: `${name}/${frame}`,
      dataset: name,
      split,
      path,
      image: () => readPicture(path),
      known: present ? NYU_37 : [],
      present: (present ?? []).map((label) => NYU_37[label]!),
      ...(present && { masks: async () => masksOfLabels(await readLabels(labelPath(root, frame)), meaning) }),
      depth: () => readDepthPng(join(root, "nyu_depths", `${frame}.png`), path, levelsPerMetre(1000)),
    };
  },
};

const labelPath = (root: string, frame: string) => join(root, "nyu_labels40", `${frame}.png`);

const meaning: LabelMeaning = (label) => NYU_37[label] ?? (NAMELESS.includes(label) ? null : undefined);

async function readLabels(path: string): Promise<Uint8Array> {
  const { data } = await readIndexed8(path);
  const largest = labelsIn(data).at(-1)!;
  if (largest <= UNLABELLED) return data;
  throw new InstructCvError("dataset", `${path}: expected NYU40 classes 0 to ${UNLABELLED}, found ${largest}.`);
}
