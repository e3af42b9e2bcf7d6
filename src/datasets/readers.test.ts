import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { breedOf, PET_CATEGORIES } from "./breeds.js";
import { coco } from "./coco.js";
import { nyuv2 } from "./nyuv2.js";
import { oxfordPets } from "./oxford-pets.js";
import { type DatasetName, openPool, type PoolSplit, parseDatasetNames } from "./pool.js";
import { type LabelledPhoto, photosOf, type Reader } from "./sample.js";
import { VOC_CLASSES, voc } from "./voc.js";

const dataRoot = resolve("../shared/data");

async function collect(photos: AsyncIterable<LabelledPhoto>, limit = Number.POSITIVE_INFINITY) {
  const all: LabelledPhoto[] = [];
  for await (const photo of photos) {
    if (all.length === limit) break;
    all.push(photo);
  }
  return all;
}
const ANIMALS = ["cat", "cow", "dog", "horse", "sheep"];
/** The photos of one split; ids begin with "set". */
const photosIn = <E, O>(reader: Reader<E, O>, root: string, split: string, options: unknown = {}) =>
  photosOf(reader, { name: "set", root, split, options: reader.options.parse(options) });
const pool = (split: PoolSplit, ...datasets: DatasetName[]) => collect(openPool(dataRoot, split, datasets));

describe("the pool", () => {
  it.each([
    ["nyuv2", 795, 327],
    ["coco", 343, 108],
    ["oxford-pets", 463, 123],
    ["oxford-pets-37breeds", 547, 133],
  ] as const)("%s has %i photos to train and %i to test", async (dataset, train, test) => {
    expect(await pool("train", dataset)).toHaveLength(train);
    expect(await pool("test", dataset)).toHaveLength(test);
  });

  it("voc2012 has 2877 photos to train and 345 to test", async () => {
    expect(await pool("train", "voc2012")).toHaveLength(2877);
    expect(await pool("test", "voc2012")).toHaveLength(345);
  }, 120_000);

  it("shares no photo between training and test, nor between the two sets of pets", async () => {
    const name = (photo: LabelledPhoto) => photo.id.replace(/^.*\//, "");
    const names = async (split: PoolSplit) =>
      (await pool(split, "coco", "nyuv2", "oxford-pets", "oxford-pets-37breeds")).map(name);
    const [train, test] = [await names("train"), await names("test")];
    expect(new Set([...train, ...test]).size).toBe(train.length + test.length);
  });

  it("names the folder it looked for", async () => {
    const missing = join(dataRoot, "nowhere");
    await expect(collect(openPool(missing, "train", ["nyuv2"]))).rejects.toThrow(`${join(missing, "nyuv2")}: expected`);
    expect(() => parseDatasetNames(["imagenet"])).toThrow(/Unknown dataset "imagenet".*oxford-pets/);
    expect(parseDatasetNames(["coco"])).toEqual(["coco"]);
  });
});

describe("NYUv2", () => {
  it("gives metres between 0.4 and 10 at the photo's size", async () => {
    const [photo] = await collect(photosIn(nyuv2, join(dataRoot, "nyuv2"), "train"), 1);
    const picture = await photo!.image();
    const depth = await photo!.depth!();
    expect(depth).toHaveLength(picture.width * picture.height);
    expect(Math.min(...depth)).toBeGreaterThan(0.4);
    expect(Math.max(...depth)).toBeLessThanOrEqual(10);
    expect(depth.every((m) => Math.abs(m * 25.5 - Math.round(m * 25.5)) < 1e-3)).toBe(true);
    expect(photo!.known).toContain("couch");
  });
});

describe("VOC", () => {
  it("gives masks, boxes and presence of one photo", async () => {
    const photos = await collect(photosIn(voc, join(dataRoot, "voc2012-animals"), "train", { boxed: ANIMALS }), 12);
    for (const photo of photos) {
      const picture = await photo.image();
      const masks = await photo.masks!();
      expect([...masks.keys()]).toEqual(VOC_CLASSES.filter((c) => photo.present.includes(c)));
      for (const mask of masks.values()) {
        expect(mask).toHaveLength(picture.width * picture.height);
        expect([...new Set(mask)].every((v) => v === 0 || v === 1 || v === 255)).toBe(true);
      }
      for (const { category, xyxy, ignore } of await photo.boxes!()) {
        expect(photo.boxed).toContain(category);
        expect(photo.present).toContain(category);
        expect(ignore).toBe(false);
        expect(xyxy[0]).toBeGreaterThanOrEqual(0);
        expect(xyxy[2]).toBeLessThanOrEqual(picture.width);
        // A box holds its category's pixels: a box around one of several animals holds at least some.
        expect(countInside(masks.get(category)!, picture.width, xyxy)).toBeGreaterThan(0);
      }
    }
    expect(photos[0]!.id).toBe("set/2007_000063");
    expect(photos[0]!.present).toEqual(["chair", "dog"]);
    expect((await photos[0]!.boxes!())[0]!.xyxy).toEqual([61, 57, 190, 138]);
  });

  it("marks difficult boxes and says which mask has an unknown class", async () => {
    const root = await mkdtemp(join(tmpdir(), "voc-"));
    const folders = ["ImageSets/Segmentation", "JPEGImages", "SegmentationClass", "Annotations"];
    for (const folder of folders) await mkdir(join(root, folder), { recursive: true });
    const { encode } = await import("fast-png");
    const png = (value: number) =>
      encode({ width: 4, height: 2, channels: 1, depth: 8, data: new Uint8Array(8).fill(value) });
    const object = (name: string, difficult: string) =>
      `<object><name>${name}</name>${difficult}<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>2</ymax></bndbox></object>`;
    const xml = `<annotation><size><width>4</width><height>2</height></size>${object("aeroplane", "<difficult>1</difficult>")}${object("sofa", "")}</annotation>`;
    await writeFile(join(root, "ImageSets/Segmentation/some.txt"), "a\n");
    await writeFile(join(root, "Annotations/a.xml"), xml);
    await writeFile(join(root, "SegmentationClass/a.png"), png(7));
    const read = () => collect(photosIn(voc, root, "some", { boxed: ["airplane", "couch"] }));
    const [photo] = await read();
    expect(await photo!.boxes!()).toEqual([
      { category: "airplane", xyxy: [0, 0, 4, 2], ignore: true },
      { category: "couch", xyxy: [0, 0, 4, 2], ignore: false },
    ]);
    expect(photo!.present).toEqual(["airplane", "car", "couch"]);
    await writeFile(join(root, "SegmentationClass/a.png"), png(44));
    await expect(photo!.masks!()).rejects.toThrow(/a\.png: palette index 44/);
    await writeFile(join(root, "Annotations/a.xml"), "<annotation></annotation>");
    await expect(read()).rejects.toThrow(/a\.xml: expected a VOC annotation/);
    await rm(root, { recursive: true });
  });
});

describe("Oxford-IIIT Pets", () => {
  it("gives the trimap as mask and its frame as box", async () => {
    const photos = await collect(photosIn(oxfordPets, join(dataRoot, "oxford-pets"), "trainval"), 3);
    for (const photo of photos) {
      const picture = await photo.image();
      const mask = (await photo.masks!()).get("cat")!;
      expect(mask).toHaveLength(picture.width * picture.height);
      expect([...new Set(mask)].sort()).toEqual([0, 1, 255]);
      const boxes = await photo.boxes!();
      expect(boxes).toHaveLength(1);
      const outside = mask.filter((v) => v !== 0).length - countInside(mask, picture.width, boxes[0]!.xyxy, true);
      expect(outside).toBe(0);
      expect(photo.present).toEqual(["cat", "abyssinian"]);
      expect(photo.known).toHaveLength(39);
    }
  });

  it("reads a GIF that is named .jpg and an all-background trimap", async () => {
    const root = join(dataRoot, "oxford-pets");
    const temporary = await mkdtemp(join(tmpdir(), "pets-"));
    await mkdir(join(temporary, "annotations/trimaps"), { recursive: true });
    await mkdir(join(temporary, "images"));
    const { copyFile } = await import("node:fs/promises");
    for (const file of ["images/Abyssinian_34.jpg", "annotations/trimaps/Abyssinian_34.png"]) {
      if (!existsSync(join(root, file))) throw new Error(`${join(root, file)}: not found, the quirk test needs it.`);
      await copyFile(join(root, file), join(temporary, file));
    }
    await writeFile(join(temporary, "annotations/some.txt"), "#Image CLASS-ID SPECIES BREED ID\nAbyssinian_34 1 1 1\n");
    const [photo] = await collect(photosIn(oxfordPets, temporary, "some"));
    expect(await photo!.image()).toMatchObject({ width: 250, height: 202 });
    expect(await photo!.boxes!()).toEqual([]);
    await writeFile(join(temporary, "annotations/some.txt"), "Unicorn_1 1 1 1\n");
    await expect(collect(photosIn(oxfordPets, temporary, "some"))).rejects.toThrow(
      /some\.txt: expected .* found "Unicorn_1 1 1 1"/,
    );
    await rm(temporary, { recursive: true });
  });

  it("knows the breed and species of a file name", () => {
    expect(breedOf("american_pit_bull_terrier_12")).toEqual({ breed: "american pit bull terrier", species: "dog" });
    expect(breedOf("Maine_Coon_3")).toEqual({ breed: "maine coon", species: "cat" });
    expect(breedOf("lion_3")).toBeUndefined();
    expect(new Set(PET_CATEGORIES).size).toBe(39);
  });
});

describe("COCO", () => {
  it("ignores crowds and keeps boxes inside the photo", async () => {
    const photos = await collect(photosIn(coco, join(dataRoot, "coco"), "val2017"));
    let crowds = 0;
    for (const photo of photos) {
      const boxes = await photo.boxes!();
      crowds += boxes.filter((box) => box.ignore).length;
      for (const { category } of boxes) expect(photo.present).toContain(category);
    }
    expect(crowds).toBe(13);
    expect(photos[0]!.known).toHaveLength(80);
    const crowded = photos[await indexOfCrowd(photos)]!;
    const masks = await crowded.masks!();
    expect([...masks.values()].some((mask) => mask.includes(255))).toBe(true);
    const picture = await crowded.image();
    for (const mask of masks.values()) expect(mask).toHaveLength(picture.width * picture.height);
  });
});

async function indexOfCrowd(photos: readonly LabelledPhoto[]): Promise<number> {
  for (const [i, photo] of photos.entries()) if ((await photo.boxes!()).some((box) => box.ignore)) return i;
  throw new Error("no crowd");
}

function countInside(mask: Uint8Array, width: number, xyxy: readonly number[], ignoreToo = false): number {
  let count = 0;
  for (let y = xyxy[1]!; y < xyxy[3]!; y++) {
    for (let x = xyxy[0]!; x < xyxy[2]!; x++) {
      const value = mask[y * width + x]!;
      if (value === 1 || (ignoreToo && value === 255)) count++;
    }
  }
  return count;
}
