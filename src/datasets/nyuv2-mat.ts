/** Reader of the official labelled set of NYUv2, `nyu_depth_v2_labeled.mat`: 1449 frames with depth and 894 labels in one file. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import type { Picture } from "../image/picture.js";
import { requireKnownDepth } from "./depth-png.js";
import { readList, requireFolder } from "./files.js";
import { indoorName } from "./indoor-names.js";
import { labelsIn, masksOfLabels } from "./label-map.js";
import { readMat5 } from "./mat5.js";
import { type Mat73, openMat73 } from "./mat73.js";
import { type Reader, Skipped } from "./sample.js";

const options = z.strictObject({
  /** Name of the file in the folder. */
  file: z.string().default("nyu_depth_v2_labeled.mat"),
});

/** A frame by its number from 1, the categories of the labels 1, 2, 3, ... (shared by all entries) and the labels it shows. */
interface MatEntry {
  readonly frame: number;
  readonly names: readonly string[];
  readonly labels: readonly number[];
}

/**
 * `split` is `train` or `test` when the official `splits.mat` lies beside the file, `all`, or the name of a list `<split>.txt` of frame
 * numbers from 1. Pixels without a label (0) are ignored in masks. Photos keep their white border of about 8 px, which has no label and
 * whose depth the authors filled in. The depth is that of the array `depths` (holes filled in), as evaluators use it. Listing reads
 * the label maps, one frame at a time; nothing larger than a frame is in memory.
 */
export const nyuv2Mat: Reader<MatEntry, z.output<typeof options>> = {
  about: { title: "NYU Depth V2, labelled set", licence: "none stated (research)" },
  options,

  async *list({ name, root, split, options: { file } }) {
    await requireFolder(root, "NYUv2");
    const path = join(root, file);
    const mat = await openMat73(path);
    const count = countFrames(mat, path);
    const names = mat.strings("names").map(indoorName);
    for (const frame of await framesOf(root, split, count)) {
      try {
        const labels = labelsIn(mat.part("labels", frame - 1) as Uint16Array).filter((label) => label > 0);
        yield { frame, names, labels };
      } catch (error) {
        if (!(error instanceof InstructCvError)) throw error;
        yield new Skipped(`${name}/${frame}`, error.message);
      }
    }
  },

  open({ name, root, split, options: { file } }, { frame, names, labels }) {
    const path = join(root, file);
    const part = async (array: string) => (await openMat73(path)).part(array, frame - 1);
    const height = async () => (await openMat73(path)).shape("depths")[2]!;
    return {
      id: `${name}/${frame}`,
      dataset: name,
      split,
      path: `${path}#${frame}`,
      embedded: true,
      image: async () => pictureOf((await part("images")) as Uint8Array, await height()),
      known: [...new Set(names)],
      present: [...new Set(labels.map((label) => names[label - 1]!))],
      masks: async () => {
        const map = transpose((await part("labels")) as Uint16Array, await height());
        return masksOfLabels(map, (label) => names[label - 1]);
      },
      depth: async () => {
        const metres = transpose((await part("depths")) as Float32Array, await height());
        const known = metres.map((value) => (value > 0 && Number.isFinite(value) ? value : 0));
        return requireKnownDepth(known, `${path}#${frame}`);
      },
    };
  },
};

function countFrames(mat: Mat73, path: string): number {
  const [frames, channels, width, height] = mat.shape("images");
  const shape = [frames, width, height].join();
  if (channels === 3 && mat.shape("depths").join() === shape && mat.shape("labels").join() === shape) return frames!;
  const found = ["images", "depths", "labels"].map((name) => `${name} ${mat.shape(name).join("x")}`);
  throw new InstructCvError(
    "dataset",
    `${path}: expected images Nx3xWxH, depths and labels NxWxH, found ${found.join(", ")}.`,
  );
}

/** Frame numbers from 1. */
async function framesOf(root: string, split: string, count: number): Promise<number[]> {
  if (split === "all") return Array.from({ length: count }, (_, i) => i + 1);
  const official = join(root, "splits.mat");
  const useOfficial =
    (split === "train" || split === "test") &&
    (await access(official).then(
      () => true,
      () => false,
    ));
  const source = useOfficial ? official : join(root, `${split}.txt`);
  const numbers = useOfficial
    ? (((await readMat5(official)).get(`${split}Ndxs`) ?? []) as number[])
    : (await readList(source)).map(Number);
  const wrong = numbers.find((frame) => !Number.isInteger(frame) || frame < 1 || frame > count);
  if (numbers.length > 0 && wrong === undefined) return numbers;
  throw new InstructCvError(
    "dataset",
    `${source}: expected numbers of frames from 1 to ${count}, found ${wrong ?? "none"}.`,
  );
}

/** `[width][height]` to rows. */
function transpose<T extends Uint16Array | Float32Array>(columns: T, height: number): T {
  const width = columns.length / height;
  const rows = columns.slice() as T;
  for (let x = 0, i = 0; x < width; x++) for (let y = 0; y < height; y++) rows[y * width + x] = columns[i++]!;
  return rows;
}

/** `[3][width][height]` to rows of RGB. */
function pictureOf(planes: Uint8Array, height: number): Picture {
  const width = planes.length / height / 3;
  const data = new Uint8Array(planes.length);
  for (let c = 0, i = 0; c < 3; c++)
    for (let x = 0; x < width; x++) for (let y = 0; y < height; y++) data[(y * width + x) * 3 + c] = planes[i++]!;
  return { width, height, data };
}
