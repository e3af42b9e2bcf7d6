/** Reader of the NYUv2 folder layout: indoor photos with dense depth. */
import { join } from "node:path";
import { readIndexed8, readPicture } from "../image/io.js";
import { readList, requireFolder } from "./files.js";
import type { LabelledPhoto, Reader } from "./sample.js";

/** Grey levels per metre of the 8-bit depth maps: 0..255 is 0..10 m. */
const LEVELS_PER_METRE = 25.5;

/** `split` names a list of frame numbers `<split>.txt` (the shared pool: `train` = official 795, `dev` = half of the official test). */
export const nyuv2: Reader = async function* readNyu(root, split) {
  await requireFolder(root, "NYUv2");
  for (const name of await readList(join(root, `${split}.txt`))) {
    const path = join(root, "nyu_images", `${name}.jpg`);
    yield {
      id: `nyuv2/${name}`,
      dataset: "nyuv2",
      split,
      path,
      image: () => readPicture(path),
      known: [],
      present: [],
      depth: () => readDepth(join(root, "nyu_depths", `${name}.png`)),
    } satisfies LabelledPhoto;
  }
};

async function readDepth(path: string): Promise<Float32Array> {
  const { data } = await readIndexed8(path);
  // Not Float32Array.from(data, map), which iterates and is ten times slower.
  const metres = new Float32Array(data.length);
  for (let i = 0; i < metres.length; i++) metres[i] = data[i]! / LEVELS_PER_METRE;
  return metres;
}
