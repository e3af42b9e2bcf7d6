/** Reader of the NYUv2 folder layout: indoor photos with dense depth. */
import { join } from "node:path";
import { z } from "zod";
import { readIndexed8, readPicture } from "../image/io.js";
import { readList, requireFolder } from "./files.js";
import type { Reader } from "./sample.js";

/** Grey levels per metre of the 8-bit depth maps: 0..255 is 0..10 m. */
const LEVELS_PER_METRE = 25.5;

const options = z.strictObject({});

/** `split` names a list of frame numbers `<split>.txt` (the shared pool: `train` = official 795, `dev` = half of the official test). */
export const nyuv2: Reader<string, z.output<typeof options>> = {
  about: { title: "NYU Depth V2", licence: "none stated (research)" },
  options,

  async *list({ root, split }) {
    await requireFolder(root, "NYUv2");
    yield* await readList(join(root, `${split}.txt`));
  },

  open({ name, root, split }, frame) {
    const path = join(root, "nyu_images", `${frame}.jpg`);
    return {
      id: `${name}/${frame}`,
      dataset: name,
      split,
      path,
      image: () => readPicture(path),
      known: [],
      present: [],
      depth: () => readDepth(join(root, "nyu_depths", `${frame}.png`)),
    };
  },
};

async function readDepth(path: string): Promise<Float32Array> {
  const { data } = await readIndexed8(path);
  // Not Float32Array.from(data, map), which iterates and is ten times slower.
  const metres = new Float32Array(data.length);
  for (let i = 0; i < metres.length; i++) metres[i] = data[i]! / LEVELS_PER_METRE;
  return metres;
}
