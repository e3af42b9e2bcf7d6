/** Reader of the native SUN RGB-D tree: one folder a scene, from four kinds of depth camera. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readPicture } from "../image/io.js";
import { type Metres16, readDepthPng } from "./depth-png.js";
import { requireFolder } from "./files.js";
import { type Reader, Skipped } from "./sample.js";
import { scenesOf } from "./sunrgbd-scenes.js";

/**
 * What the depth cameras are trusted to see. The toolbox of the set (read3dPoints.m) moves greater values to 8 m; here they are unknown,
 * because a wall at 12 m is not at 8 m, and evaluators of depth do not count them either.
 */
const MAX_METRES = 8;

/** Millimetres, the 16 bits rotated left by 3: the PNGs are made to be looked at. Source: read3dPoints.m of the SUNRGBD toolbox. */
export const rotatedMillimetres: Metres16 = (level) => {
  const metres = (((level >> 3) | (level << 13)) & 0xffff) / 1000;
  return metres <= MAX_METRES ? metres : 0;
};

const options = z.strictObject({
  /** `bfx`: holes filled in by the authors (depth_bfx); `raw`: as the camera saw it, holes unknown. */
  depth: z.enum(["bfx", "raw"]).default("bfx"),
});

/** The folder of a scene under the root, and the names of its photo and depth map, which differ. */
interface SunEntry {
  readonly scene: string;
  readonly photo: string;
  readonly depth: string;
}

/**
 * `split` is `all`, the official `train` or `test` when `allsplit.mat` is found (see `scenesOf`), or a list `<split>.txt` of scene folders
 * relative to the root. The part that is NYUv2 (kv1/NYUdata, 1449 scenes) is left out, so that NYUv2 can be trained on. Depth only: the
 * polygons of annotation2Dfinal carry free names and overlap without an order, so they say neither what is absent nor whose a pixel is.
 */
export const sunrgbd: Reader<SunEntry, z.output<typeof options>> = {
  about: { title: "SUN RGB-D without NYUv2", licence: "none stated (research)" },
  options,

  async *list({ name, root, split, options: { depth } }) {
    await requireFolder(root, "SUN RGB-D");
    for await (const scene of scenesOf(root, split)) {
      const photos = await namesIn(join(root, scene, "image"), /\.jpe?g$/i);
      const maps = await namesIn(join(root, scene, depthFolders[depth]), /\.png$/i);
      if (photos.length === 1 && maps.length === 1) yield { scene, photo: photos[0]!, depth: maps[0]! };
      else {
        const found = `${photos.length} and ${maps.length}`;
        const expected = `one photo in image and one PNG in ${depthFolders[depth]}`;
        yield new Skipped(`${name}/${scene}`, `${join(root, scene)}: expected ${expected}, found ${found}.`);
      }
    }
  },

  open({ name, root, split, options: { depth: kind } }, { scene, photo, depth }) {
    const path = join(root, scene, "image", photo);
    return {
      id: `${name}/${scene}`,
      dataset: name,
      split,
      path,
      image: () => readPicture(path),
      known: [],
      present: [],
      depth: () => readDepthPng(join(root, scene, depthFolders[kind], depth), path, rotatedMillimetres),
    };
  },
};

const depthFolders = { bfx: "depth_bfx", raw: "depth" } as const;

/** Names that match, without hidden files (`._0000144.png` of macOS); none when there is no such folder. */
async function namesIn(folder: string, pattern: RegExp): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => pattern.test(name) && !name.startsWith(".")).sort();
}
