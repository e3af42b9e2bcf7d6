import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LabelledPhoto, photosOf, Skipped } from "./sample.js";
import { rotatedMillimetres, sunrgbd } from "./sunrgbd.js";

const toy = resolve("../shared/data/fixtures/sunrgbd-toy/images");
const KINECT = "img_0063";
const KINECT2 = "2014-12-18_11-31-54_260595134347";

/** What NumPy reads from the frame img_0063, see scripts/oracles/nyu_mat.py. */
const { sunrgbd: golden } = JSON.parse(
  readFileSync(new URL("../../tests/goldens/depth-datasets/depth.json", import.meta.url), "utf8"),
) as {
  sunrgbd: Record<
    "depth" | "depth_bfx",
    { size: number[]; sum: number; known: number; pixels: [number, number, number, number][] }
  >;
};

const placeOf = (root: string, split: string, options: unknown = {}) => ({
  name: "sun",
  root,
  split,
  options: sunrgbd.options.parse(options),
});
async function photosIn(root: string, split: string, options: unknown = {}): Promise<LabelledPhoto[]> {
  const photos: LabelledPhoto[] = [];
  for await (const photo of photosOf(sunrgbd, placeOf(root, split, options))) photos.push(photo);
  return photos;
}

/** The real scenes in the places of the official tree, one of them as a part of NYUv2; an empty scene; the toolbox beside it. */
let root: string;
beforeAll(async () => {
  const parent = await mkdtemp(join(tmpdir(), "sun-"));
  root = join(parent, "SUNRGBD");
  const scenes = {
    [KINECT]: ["kv1/NYUdata/NYU0003", `kv1/b3dodata/${KINECT}`],
    [KINECT2]: [`kv2/align_kv2/${KINECT2}`],
  };
  for (const [scene, places] of Object.entries(scenes))
    for (const place of places) await cp(join(toy, scene), join(root, place), { recursive: true });
  for (const folder of ["image", "depth", "depth_bfx"])
    await mkdir(join(root, "xtion/sun3ddata/brown_bm_1/brown_bm_1/0000108-000003609303", folder), { recursive: true });
  const toolbox = join(parent, "SUNRGBDtoolbox/traintestSUNRGBD");
  await mkdir(toolbox, { recursive: true });
  await cp(resolve("tests/goldens/depth-datasets/allsplit.mat"), join(toolbox, "allsplit.mat"));
});
afterAll(() => rm(join(root, ".."), { recursive: true }));

describe("SUN RGB-D", () => {
  it("rotates the bits of depth and calls what is beyond 8 m unknown", () => {
    expect(rotatedMillimetres(0b0011_1110_1000_0000)).toBe(2);
    // The low three bits are the highest of the number: 0b001 rotates to 8192 mm, beyond the trusted range.
    expect(rotatedMillimetres(0b0000_0000_0000_0001)).toBe(0);
    expect(rotatedMillimetres(8000 << 3)).toBe(8);
    expect(rotatedMillimetres(8001 << 3)).toBe(0);
  });

  it.each([
    ["bfx", "depth_bfx"],
    ["raw", "depth"],
  ] as const)("gives the metres that NumPy gives, %s", async (depth, folder) => {
    const photo = (await photosIn(toy, "all", { depth })).find(({ id }) => id === `sun/${KINECT}`)!;
    const { width, height } = await photo.image();
    const metres = await photo.depth!();
    const { size, sum, known, pixels } = golden[folder];
    expect([width, height]).toEqual(size);
    expect(metres).toHaveLength(width * height);
    for (const [y, x, level, expected] of pixels) {
      expect(metres[y * width + x]).toBeCloseTo(expected, 5);
      expect(level).toBe(Math.round(expected * 1000) * 8);
    }
    expect(metres.reduce((a, b) => a + b, 0)).toBeCloseTo(sum, 0);
    expect(metres.filter((value) => value > 0)).toHaveLength(known);
    expect(metres.every((value) => value < 8)).toBe(true);
  });

  it("fills the holes of the camera only in depth_bfx", async () => {
    const holes = async (depth: string) => {
      const photos = await photosIn(toy, "all", { depth });
      return Promise.all(photos.map(async (photo) => (await photo.depth!()).filter((value) => value === 0).length));
    };
    expect(await holes("bfx")).toEqual([0, 0]);
    for (const count of await holes("raw")) expect(count).toBeGreaterThan(50_000);
  });

  it("walks the tree without the part that is NYUv2, and skips a scene without photo", async () => {
    const ids: string[] = [];
    for await (const entry of sunrgbd.list(placeOf(root, "all")))
      ids.push(entry instanceof Skipped ? `skipped ${entry.photo}: ${entry.reason}` : entry.scene);
    expect(ids).toEqual([
      `kv1/b3dodata/${KINECT}`,
      `kv2/align_kv2/${KINECT2}`,
      expect.stringMatching(
        /^skipped sun\/xtion\/.*: expected one photo in image and one PNG in depth_bfx, found 0 and 0/,
      ),
    ]);
  });

  it("takes the official split from the toolbox beside it, or a list, always without NYUv2", async () => {
    const ids = async (split: string) => (await photosIn(root, split)).map((photo) => photo.id);
    expect(await ids("train")).toEqual([`sun/kv1/b3dodata/${KINECT}`]);
    expect(await ids("test")).toEqual([`sun/kv2/align_kv2/${KINECT2}`]);
    await writeFile(join(root, "mine.txt"), `kv2/align_kv2/${KINECT2}/\nkv1/NYUdata/NYU0003\n`);
    expect(await ids("mine")).toEqual([`sun/kv2/align_kv2/${KINECT2}`]);
    const [photo] = await photosIn(root, "mine");
    expect(await photo!.image()).toMatchObject({ width: 730, height: 530 });
  });

  it("says where it looked when there is no scene", async () => {
    await expect(photosIn(join(root, "nowhere"), "all")).rejects.toThrow(
      `${join(root, "nowhere")}: expected the folder`,
    );
    const nyu = join(root, "kv1/NYUdata/NYU0003/image");
    await expect(photosIn(nyu, "all")).rejects.toThrow(`${nyu}: expected scenes of SUN RGB-D`);
    await expect(photosIn(root, "val")).rejects.toThrow(`${join(root, "val.txt")}: cannot be read`);
    expect(() => placeOf(root, "all", { depth: "filled" })).toThrow();
  });
});
