import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readMat5 } from "./mat5.js";
import { nyuv2Mat } from "./nyuv2-mat.js";
import { type LabelledPhoto, photosOf, Skipped } from "./sample.js";

/** Miniature files and what h5py reads from them, see scripts/oracles/nyu_mat.py. */
const goldens = resolve("tests/goldens/depth-datasets");
const FILE = "nyu_depth_v2_labeled.mat";
const NAMES = ["book", "bottle", "couch", "tv", "night stand", "garbage bin"];

interface Frame {
  frame: number;
  names: string[];
  image: number[];
  depth: (number | null)[];
  labels: number[];
}

const placeOf = (root: string, split: string) => ({
  name: "nyu",
  root,
  split,
  options: nyuv2Mat.options.parse({}),
});
async function photosIn(root: string, split: string): Promise<LabelledPhoto[]> {
  const photos: LabelledPhoto[] = [];
  for await (const photo of photosOf(nyuv2Mat, placeOf(root, split))) photos.push(photo);
  return photos;
}

let root: string;
let golden: Frame[];
/** Offset and size of the parts of an array in the file. */
let chunks: Record<"images" | "labels", [number, number][]>;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "mat-"));
  ({ labelled: golden, chunks } = JSON.parse(await readFile(join(goldens, "depth.json"), "utf8")));
});
afterAll(() => rm(root, { recursive: true }));

/** A folder with the miniature file, changed by `change`. A path is opened once in a process, so each test has its own. */
async function copyOf(name: string, change: (bytes: Buffer) => Buffer): Promise<string> {
  const folder = join(root, name);
  await cp(goldens, folder, { recursive: true });
  await writeFile(join(folder, FILE), change(await readFile(join(goldens, FILE))));
  return folder;
}

describe("the labelled .mat of NYUv2", () => {
  it("gives the photo, depth and masks that h5py gives, upright", async () => {
    const photos = await photosIn(goldens, "all");
    for (const { frame, image, depth, labels } of golden) {
      const photo = photos[frame - 1]!;
      expect(photo.id).toBe(`nyu/${frame}`);
      expect(photo.path).toBe(`${join(goldens, FILE)}#${frame}`);
      expect(photo.embedded).toBe(true);
      const picture = await photo.image();
      expect([picture.width, picture.height]).toEqual([12, 8]);
      expect([...picture.data]).toEqual(image);
      // Not a number, infinite and negative depths are unknown.
      const metres = depth.map((value) => (value !== null && value > 0 ? value : 0));
      expect([...(await photo.depth!())]).toEqual(metres);
      const masks = await photo.masks!();
      const shown = [...new Set(labels)].filter((label) => label > 0).sort((a, b) => a - b);
      expect([...masks.keys()]).toEqual(shown.map((label) => NAMES[label - 1]));
      for (const label of shown) {
        const mask = labels.map((value) => (value === 0 ? 255 : value === label ? 1 : 0));
        expect([...masks.get(NAMES[label - 1]!)!]).toEqual(mask);
      }
    }
    expect(golden[1]!.depth.filter((value) => value === null)).toHaveLength(2);
  });

  it("knows the names of the labels in COCO's spelling, and which a frame shows", async () => {
    const photos = await photosIn(goldens, "all");
    expect(photos).toHaveLength(5);
    expect(golden[0]!.names).toEqual(["book", "bottle", "Sofa", "television", "night stand", "garbage bin"]);
    expect(photos[0]!.known).toEqual(NAMES);
    expect(photos.map((photo) => photo.present.at(-1))).toEqual([
      "bottle",
      "couch",
      "garbage bin",
      "bottle",
      undefined,
    ]);
    await expect(photos[3]!.depth!()).rejects.toThrow(`${join(goldens, FILE)}#4: expected a depth map`);
    expect((await photos[4]!.masks!()).size).toBe(0);
  });

  it("splits by the official splits.mat, else by a list of frame numbers", async () => {
    const ids = async (folder: string, split: string) => (await photosIn(folder, split)).map((photo) => photo.id);
    expect(await ids(goldens, "train")).toEqual(["nyu/3", "nyu/5"]);
    expect(await ids(goldens, "test")).toEqual(["nyu/1", "nyu/2", "nyu/4"]);
    const folder = await copyOf("lists", (bytes) => bytes);
    await rm(join(folder, "splits.mat"));
    await writeFile(join(folder, "train.txt"), "4\n2\n");
    expect(await ids(folder, "train")).toEqual(["nyu/4", "nyu/2"]);
    await writeFile(join(folder, "zero.txt"), "4\n0\n");
    await expect(ids(folder, "zero")).rejects.toThrow(/zero\.txt: expected numbers of frames from 1 to 5, found 0\./);
    await expect(ids(folder, "test")).rejects.toThrow(/test\.txt: cannot be read/);
  });

  it("says in one line that the file is cut, missing, or another one", async () => {
    const cut = await copyOf("cut", (bytes) => bytes.subarray(0, bytes.length / 2));
    const error = await photosIn(cut, "all").catch((e: Error) => e);
    expect(error).toMatchObject({ code: "dataset" });
    expect((error as Error).message).toMatch(
      /^\S+cut\/nyu_depth_v2_labeled\.mat: expected a whole .*truncated file.*download/,
    );
    expect((error as Error).message).not.toContain("\n");
    await expect(photosIn(root, "all")).rejects.toThrow(`${join(root, FILE)}: expected a whole MATLAB 7.3 (HDF5) file`);
    const old = await copyOf("old", () => Buffer.from("MATLAB 5.0 MAT-file".padEnd(4096)));
    await expect(photosIn(old, "all")).rejects.toThrow(/file signature not found/);
    const renamed = await copyOf("renamed", (bytes) =>
      Buffer.from(bytes.toString("latin1").replaceAll("depths", "deeper"), "latin1"),
    );
    await expect(photosIn(renamed, "all")).rejects.toThrow(/expected an array depths, found .*images.*names/);
  });

  it("fails only for the photo whose pixels are damaged, and skips frames whose labels are", async () => {
    const images = await photosIn(await copyOf("images", (bytes) => damaged(bytes, chunks.images[1]!)), "all");
    await expect(images[1]!.image()).rejects.toThrow(/expected images\(2\), found a file that cannot be read so/);
    expect([...(await images[2]!.image()).data]).toEqual(golden[1]!.image);
    // One chunk holds this part of the label maps of all frames.
    const folder = await copyOf("labels", (bytes) => damaged(bytes, chunks.labels[0]!));
    const listed: unknown[] = [];
    for await (const entry of nyuv2Mat.list(placeOf(folder, "all"))) listed.push(entry);
    expect(listed.map((entry) => entry instanceof Skipped && entry.photo)).toEqual(
      [1, 2, 3, 4, 5].map((frame) => `nyu/${frame}`),
    );
  });
});

function damaged(bytes: Buffer, [offset, size]: readonly [number, number]): Buffer {
  return bytes.fill(0x55, offset, offset + size);
}

describe("MATLAB 5 files", () => {
  it.each(["splits.mat", "plain.mat"])("reads numbers of any type from %s", async (file) => {
    const variables = await readMat5(join(goldens, file));
    expect(variables.get("trainNdxs")).toEqual([3, 5]);
    expect(variables.get("testNdxs")).toEqual([1, 2, 4]);
    if (file === "plain.mat") expect(variables.get("single")).toEqual([1.5, -2.25]);
  });

  it("reads cells of strings and passes over structs", async () => {
    const variables = await readMat5(join(goldens, "allsplit.mat"));
    expect(variables.get("alltrain")).toEqual([
      "/n/fs/sun3d/data/SUNRGBD/kv1/NYUdata/NYU0003",
      "/n/fs/sun3d/data/SUNRGBD/kv1/b3dodata/img_0063",
    ]);
    expect(variables.get("alltest")).toHaveLength(1);
    expect(variables.get("trainvalsplit")).toBeNull();
  });

  it("refuses a cut file, another kind and a missing one", async () => {
    const whole = await readFile(join(goldens, "splits.mat"));
    const path = join(root, "splits.mat");
    await writeFile(path, whole.subarray(0, whole.length - 20));
    await expect(readMat5(path)).rejects.toThrow(/splits\.mat: expected a MATLAB 5 file, found a damaged or cut one/);
    await expect(readMat5(join(goldens, FILE))).rejects.toThrow(/found another kind of file/);
    await expect(readMat5(join(root, "none.mat"))).rejects.toMatchObject({ code: "dataset", message: /found nothing/ });
  });
});
