import { readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { encode } from "fast-png";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nyuv2 } from "./nyuv2.js";
import { nyuv2Bts } from "./nyuv2-bts.js";
import { type LabelledPhoto, photosOf, type Reader, Skipped } from "./sample.js";

const dataRoot = resolve("../shared/data");
const pool = join(dataRoot, "nyuv2");
const kinectFrame = join(dataRoot, "fixtures/nyu16bit-unidepth/assets/demo");

/** What NumPy reads from the same frame, see scripts/oracles/nyu_mat.py. */
const { nyu16bit } = JSON.parse(
  readFileSync(new URL("../../tests/goldens/depth-datasets/depth.json", import.meta.url), "utf8"),
) as { nyu16bit: { size: number[]; sum: number; known: number; pixels: [number, number, number, number][] } };

const placeOf = <E, O>(reader: Reader<E, O>, root: string, split: string, options: unknown = {}) => ({
  name: "set",
  root,
  split,
  options: reader.options.parse(options),
});

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
const photosIn = <E, O>(reader: Reader<E, O>, root: string, split: string, options: unknown = {}) =>
  collect(photosOf(reader, placeOf(reader, root, split, options)));

const grey8 = (width: number, height: number, value: number) =>
  encode({ width, height, channels: 1, depth: 8, data: new Uint8Array(width * height).fill(value) });

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "nyu-"));
});
afterAll(() => rm(root, { recursive: true }));

describe("NYUv2 as folders", () => {
  it("knows 37 categories, present as Pillow counts them over all 1122 label maps", async () => {
    const photos = [...(await photosIn(nyuv2, pool, "train")), ...(await photosIn(nyuv2, pool, "dev"))];
    const showing = (category: string) => photos.filter((photo) => photo.present.includes(category)).length;
    expect(photos).toHaveLength(1122);
    expect(photos[0]!.known).toHaveLength(37);
    expect(photos[0]!.known.filter((category) => category.startsWith("other"))).toEqual([]);
    const counts = ["wall", "bed", "couch", "tv", "book", "refrigerator", "toilet", "night stand", "bag"].map(showing);
    expect(counts).toEqual([1089, 236, 233, 101, 203, 73, 51, 110, 271]);
  });

  it("gives masks of a frame with the pixels Pillow counts; things without a name are 0, unlabelled pixels 255", async () => {
    const [photo] = await photosIn(nyuv2, pool, "dev");
    const pixels = [
      ["wall", 31335],
      ["floor", 904],
      ["cabinet", 7308],
      ["chair", 5859],
      ["table", 162],
      ["counter", 761],
      ["ceiling", 8278],
      ["refrigerator", 2544],
      ["paper", 1180],
    ];
    const masks = await photo!.masks!();
    expect([...masks.keys()]).toEqual(photo!.present);
    const count = (category: string, value: number) => masks.get(category)!.filter((v) => v === value).length;
    expect([...masks.keys()].map((category) => [category, count(category, 1)])).toEqual(pixels);
    for (const category of masks.keys()) expect(count(category, 255)).toBe(10232);
    const picture = await photo!.image();
    expect(masks.get("wall")).toHaveLength(picture.width * picture.height);
  });

  it("asks for depth only where there are no label maps", async () => {
    const folder = await copyOf("unlabelled", "0");
    const [photo] = await photosIn(nyuv2, folder, "some");
    expect(photo!.known).toEqual([]);
    expect(photo!.masks).toBeUndefined();
    expect(photo!.depth).toBeDefined();
  });

  it("skips a frame whose label map is missing or not of NYU40", async () => {
    const folder = await copyOf("labelled", "0", "8", "14");
    await mkdir(join(folder, "nyu_labels40"));
    await copyFile(join(pool, "nyu_labels40/0.png"), join(folder, "nyu_labels40/0.png"));
    await writeFile(join(folder, "nyu_labels40/14.png"), grey8(320, 240, 40));
    const [good, missing, wrong] = await collect(nyuv2.list(placeOf(nyuv2, folder, "some")));
    expect(good).toMatchObject({ frame: "0" });
    expect((missing as Skipped).reason).toContain(join(folder, "nyu_labels40/8.png"));
    expect((wrong as Skipped).reason).toMatch(/14\.png: expected NYU40 classes 0 to 39, found 40/);
  });

  it("refuses a depth map of another size, one without any depth, and a missing one, for that photo alone", async () => {
    const folder = await copyOf("depths", "0", "8", "14");
    await mkdir(join(folder, "nyu_depths"));
    await writeFile(join(folder, "nyu_depths/0.png"), grey8(240, 320, 50));
    await writeFile(join(folder, "nyu_depths/8.png"), grey8(320, 240, 0));
    const [turned, empty, missing] = await photosIn(nyuv2, folder, "some");
    await expect(turned!.depth!()).rejects.toThrow(/0\.png: expected 320x240 as .*0\.jpg, found 240x320/);
    await expect(empty!.depth!()).rejects.toThrow(/8\.png: expected a depth map, found no pixel of known depth/);
    await expect(missing!.depth!()).rejects.toMatchObject({ code: "image" });
  });
});

/** A set of photos of the pool, listed in `some.txt`, without labels. */
async function copyOf(name: string, ...frames: string[]): Promise<string> {
  const folder = join(root, name);
  await mkdir(join(folder, "nyu_images"), { recursive: true });
  for (const frame of frames) {
    await copyFile(join(pool, `nyu_images/${frame}.jpg`), join(folder, `nyu_images/${frame}.jpg`));
  }
  await writeFile(join(folder, "some.txt"), frames.join("\n"));
  return folder;
}

describe("frame lists", () => {
  it("reads a real 16-bit frame in millimetres and an 8-bit one, with blanks or commas between the fields", async () => {
    const folder = join(root, "bts");
    await mkdir(join(folder, "kitchen_0028b"), { recursive: true });
    await copyFile(join(kinectFrame, "rgb.png"), join(folder, "kitchen_0028b/rgb_00045.png"));
    await copyFile(join(kinectFrame, "depth.png"), join(folder, "kitchen_0028b/sync_depth_00045.png"));
    await copyFile(join(pool, "nyu_images/0.jpg"), join(folder, "kitchen_0028b/37.jpg"));
    await copyFile(join(pool, "nyu_depths/0.png"), join(folder, "kitchen_0028b/37.png"));
    const frame = "/kitchen_0028b/rgb_00045.png /kitchen_0028b/sync_depth_00045.png 518.8579";
    await writeFile(join(folder, "train.txt"), `${frame}\r\n/kitchen_0028b/37.jpg /kitchen_0028b/37.png 518.8579\r\n`);
    await writeFile(join(folder, "nyu2_test.csv"), "kitchen_0028b/rgb_00045.png,kitchen_0028b/sync_depth_00045.png\n");
    const photos = await photosIn(nyuv2Bts, folder, "train");
    expect(photos.map((photo) => photo.id)).toEqual(["set/kitchen_0028b/rgb_00045", "set/kitchen_0028b/37"]);
    await sameAsGolden(photos[0]!);
    const [byComma] = await photosIn(nyuv2Bts, folder, "nyu2_test");
    await sameAsGolden(byComma!);
    const [ofFolder] = await photosIn(nyuv2, pool, "dev");
    expect(await photos[1]!.depth!()).toEqual(await ofFolder!.depth!());
    const [tenth] = await photosIn(nyuv2Bts, folder, "nyu2_test", { levels_per_metre: 100 });
    expect((await tenth!.depth!())[320 * 240]).toBeCloseTo((await byComma!.depth!())[320 * 240]! * 10, 4);
  });

  it("lists 24,231 frames, skipping those without depth", async () => {
    const line = (i: number) =>
      `/office_${i % 50}/rgb_${i}.jpg ${i % 1000 === 7 ? "None" : `/office_${i % 50}/d_${i}.png`} 518.8579`;
    await writeFile(join(root, "long.txt"), Array.from({ length: 24_231 }, (_, i) => line(i)).join("\n"));
    const listed = await collect(nyuv2Bts.list(placeOf(nyuv2Bts, root, "long")));
    expect(listed).toHaveLength(24_231);
    const skipped = listed.filter((entry) => entry instanceof Skipped);
    expect(skipped).toHaveLength(25);
    expect(skipped[0]).toMatchObject({ photo: "set/office_7/rgb_7", reason: expect.stringContaining('"None"') });
    expect(JSON.stringify(listed).length).toBeLessThan(2_000_000);
  });

  it("says where a list is cut, or that there is none", async () => {
    await writeFile(join(root, "cut.txt"), "/a/rgb_1.jpg /a/d_1.png 518.8579\n/a/rgb_2.jpg /a/d_2.p");
    const cut = collect(nyuv2Bts.list(placeOf(nyuv2Bts, root, "cut")));
    await expect(cut).rejects.toThrow(/cut\.txt: expected .* found "\/a\/rgb_2\.jpg \/a\/d_2\.p" in line 2/);
    await expect(photosIn(nyuv2Bts, root, "none")).rejects.toThrow(`${join(root, "none.txt")}: cannot be read`);
    expect(() => nyuv2Bts.options.parse({ levels_per_metre: 0 })).toThrow();
  });
});

async function sameAsGolden(photo: LabelledPhoto): Promise<void> {
  const { width, height } = await photo.image();
  const metres = await photo.depth!();
  expect([width, height]).toEqual(nyu16bit.size);
  for (const [y, x, , expected] of nyu16bit.pixels) expect(metres[y * width + x]).toBeCloseTo(expected, 5);
  expect(metres.reduce((sum, value) => sum + value, 0)).toBeCloseTo(nyu16bit.sum, 0);
  expect(metres.filter((value) => value > 0)).toHaveLength(nyu16bit.known);
}
