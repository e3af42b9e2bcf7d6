/** Which scenes a split of SUN RGB-D has: found in the tree, or named by the official split or a list. */
import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { InstructCvError } from "../errors.js";
import { readList } from "./files.js";
import { readMat5 } from "./mat5.js";

/** NYUv2 itself lies in the set. */
const NYU = /(^|\/)NYUdata(\/|$)/;

/** Folders of the authors' machine that the official split begins with. */
const OFFICIAL_PREFIX = /^.*\/SUNRGBD\//;

/**
 * The folders of scenes relative to `root`, without those of NYUv2. `all` walks the tree in the order of names; `train` and `test` are
 * read from the official `allsplit.mat` if it lies in the root or where the toolbox, unpacked beside the root, has it
 * (`../SUNRGBDtoolbox/traintestSUNRGBD`); otherwise `<split>.txt` lists them.
 * @throws {InstructCvError} "dataset" when there is no scene
 */
export async function* scenesOf(root: string, split: string): AsyncGenerator<string> {
  const official = split === "train" || split === "test" ? await officialSplit(root) : undefined;
  const source = split === "all" ? root : (official ?? join(root, `${split}.txt`));
  const scenes =
    split === "all" ? walk(root, "") : official ? await readOfficial(official, split) : await readList(source);
  let count = 0;
  for await (const line of scenes) {
    const scene = line.replace(/^\.?\/+|\/+$/g, "");
    if (NYU.test(scene)) continue;
    count++;
    yield scene;
  }
  if (count > 0) return;
  throw new InstructCvError(
    "dataset",
    `${source}: expected scenes of SUN RGB-D (folders that hold image and depth_bfx), found none besides NYUv2's.`,
    "Give the folder that holds kv1, kv2, realsense and xtion.",
  );
}

/** Scenes lie two to five folders deep, in one camera's part deeper than in another's. */
async function* walk(root: string, folder: string): AsyncGenerator<string> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  if (names.includes("image") && (names.includes("depth") || names.includes("depth_bfx"))) yield folder;
  else for (const name of names.sort()) yield* walk(root, folder === "" ? name : `${folder}/${name}`);
}

async function officialSplit(root: string): Promise<string | undefined> {
  for (const folder of [root, join(root, "..", "SUNRGBDtoolbox", "traintestSUNRGBD")]) {
    const path = join(folder, "allsplit.mat");
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return undefined;
}

async function readOfficial(path: string, split: string): Promise<string[]> {
  const variable = split === "train" ? "alltrain" : "alltest";
  const scenes = (await readMat5(path)).get(variable);
  if (Array.isArray(scenes) && scenes.every((scene) => typeof scene === "string"))
    return scenes.map((scene) => scene.replace(OFFICIAL_PREFIX, ""));
  throw new InstructCvError("dataset", `${path}: expected a cell of folders ${variable}, found none.`);
}
