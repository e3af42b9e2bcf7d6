/** The layout of VOC2007 and VOC2012 at full: both kinds of lists, photos with masks or boxes only, and the quirks of the files. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { encode } from "fast-png";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodePng } from "../image/io.js";
import { type LabelledPhoto, Skipped } from "./sample.js";
import { VOC_CLASSES, voc } from "./voc.js";

const fixtures = resolve("../shared/data/fixtures");
const [PERSON, DOG] = [15, 12];

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "voc-"));
  for (const folder of ["ImageSets/Segmentation", "ImageSets/Main", "JPEGImages", "SegmentationClass", "Annotations"]) {
    await mkdir(join(root, folder), { recursive: true });
  }
});
afterEach(() => rm(root, { recursive: true }));

const png = (width: number, data: number[]) =>
  encode({ width, height: data.length / width, channels: 1, depth: 8, data: Uint8Array.from(data) });
const save = (path: string, content: string | Uint8Array) => writeFile(join(root, path), content);
const saveMask = (name: string, width: number, data: number[]) =>
  save(`SegmentationClass/${name}.png`, png(width, data));
const box = (x1: unknown, y1: unknown, x2: unknown, y2: unknown) =>
  `<bndbox><xmin>${x1}</xmin><ymin>${y1}</ymin><xmax>${x2}</xmax><ymax>${y2}</ymax></bndbox>`;
const object = (name: string, inner: string) => `<object><name>${name}</name>${inner}</object>`;
const annotation = (objects: string, width = 4, height = 3) =>
  `<annotation><size><width>${width}</width><height>${height}</height><depth>3</depth></size>${objects}</annotation>`;
const saveXml = (name: string, text: string) => save(`Annotations/${name}.xml`, text);

async function list(split: string, options: object = {}, from = root) {
  const place = { name: "set", root: from, split, options: voc.options.parse(options) };
  const photos: LabelledPhoto[] = [];
  const skipped: Skipped[] = [];
  for await (const entry of voc.list(place)) {
    if (entry instanceof Skipped) skipped.push(entry);
    else photos.push(voc.open(place, structuredClone(entry)));
  }
  return { photos, skipped };
}

describe("lists", () => {
  it("of Main give masks where there are some, and boxes always", async () => {
    await save("ImageSets/Main/some.txt", "a\nb\n");
    await saveMask("a", 4, [...Array(6).fill(DOG), ...Array(6).fill(255)]);
    await saveXml("a", annotation(object("dog", box(1, 1, 4, 3)) + object("person", box(1, 1, 2, 2))));
    await saveXml("b", annotation(object("sofa", `${box(1, 1, 4, 3)}<difficult>1</difficult>`)));
    const { photos } = await list("some", { list: "main" });
    const [a, b] = photos as [LabelledPhoto, LabelledPhoto];
    expect(a).toMatchObject({ known: VOC_CLASSES, present: ["dog", "person"], size: { width: 4, height: 3 } });
    expect((await a.masks!()).get("dog")).toEqual(Uint8Array.of(1, 1, 1, 1, 1, 1, 255, 255, 255, 255, 255, 255));
    expect(b).toMatchObject({ known: VOC_CLASSES, present: ["couch"], size: { width: 4, height: 3 } });
    expect(b.masks).toBeUndefined();
    expect(await b.boxes!()).toEqual([{ category: "couch", xyxy: [0, 0, 4, 3], ignore: true }]);
    // With boxes of some classes only, nothing is known of the others where no mask tells.
    const some = await list("some", { list: "main", boxed: ["dog"] });
    expect(some.photos.map(({ known }) => known.length)).toEqual([20, 1]);
    expect(some.photos.map(({ present }) => present)).toEqual([["dog"], []]);
  });

  it("of one class name its photos: lines with 1", async () => {
    await save("ImageSets/Main/dog_train.txt", "a -1\nb  1\nc  0\n");
    await saveXml("b", annotation(object("dog", box(1, 1, 4, 3))));
    const { photos } = await list("dog_train", { list: "main" });
    expect(photos.map(({ id }) => id)).toEqual(["set/b"]);
    await save("ImageSets/Main/bad.txt", "a 7\n");
    await expect(list("bad", { list: "main" })).rejects.toThrow(/bad\.txt: expected "name" .*, found "a 7"/);
    await expect(list("gone", { list: "main" })).rejects.toThrow(/Main\/gone\.txt: cannot be read/);
  });

  it("of Main are read from a native VOC2007 folder", async () => {
    const pascal = join(fixtures, "keras-retinanet-coco-voc/pascal");
    const { photos, skipped } = await list("train", { list: "main" }, pascal);
    expect(skipped).toEqual([]);
    expect(photos.map(({ id, present }) => [id, present])).toEqual([["set/000001", ["dog", "person"]]]);
    expect(await photos[0]!.image()).toMatchObject({ width: 353, height: 500 });
    expect((await photos[0]!.boxes!()).map(({ xyxy }) => xyxy)).toEqual([
      [47, 239, 195, 371],
      [7, 11, 352, 498],
    ]);
    await expect(list("train", {}, pascal)).rejects.toThrow(/Segmentation\/train\.txt: cannot be read/);
  });
});

describe("annotations", () => {
  beforeEach(() => save("ImageSets/Main/some.txt", "a\n"));
  const boxes = async (objects: string) => {
    await saveXml("a", annotation(objects));
    const { photos, skipped } = await list("some", { list: "main" });
    if (skipped[0]) throw new Error(skipped[0].reason);
    return photos[0]!.boxes!();
  };

  it("of persons have parts, which are no objects", async () => {
    const part = (name: string) => `<part><name>${name}</name>${box(2, 2, 3, 3)}</part>`;
    expect(await boxes(object("person", box(1, 1, 4, 3) + part("head") + part("hand")))).toEqual([
      { category: "person", xyxy: [0, 0, 4, 3], ignore: false },
    ]);
  });

  it.each([
    ["fractions", box(1.5, "1.25", 3.5, 2), [0.5, 0.25, 3.5, 2], false],
    ["more than the photo", box(-4, 0, 9, 9), [0, 0, 4, 3], false],
    ["nothing of the photo", box(6, 1, 9, 3), [4, 0, 4, 3], true],
    ["ends that are the wrong way round", box(4, 1, 1, 3), [3, 0, 3, 3], true],
  ])("may frame %s", async (_, inner, xyxy, ignore) => {
    expect(await boxes(object("cat", inner))).toEqual([{ category: "cat", xyxy, ignore }]);
  });

  it("may have no object", async () => {
    expect(await boxes("")).toEqual([]);
  });

  it.each([
    ["no size", "<annotation>OBJECT</annotation>"],
    ["a size of 0", "<annotation><size><width>0</width><height>0</height></size>OBJECT</annotation>"],
    ["an empty size", "<annotation><size/>OBJECT</annotation>"],
  ])("may have %s: the photo's counts", async (_, text) => {
    await saveXml("a", text.replace("OBJECT", object("cat", box(2, 1, 900, 900))));
    await save("JPEGImages/a.jpg", await encodePng({ width: 5, height: 4, data: new Uint8Array(60) }));
    const { photos } = await list("some", { list: "main" });
    expect(photos[0]!.size).toBeUndefined();
    expect((await photos[0]!.boxes!())[0]!.xyxy).toEqual([1, 0, 5, 4]);
  });

  it.each([
    ["cut", annotation(object("cat", box(1, 1, 2, 2))).slice(0, 120), /a\.xml: broken XML, line 1: /],
    ["no annotation", "<html><p>404</p></html>", /a\.xml: expected a VOC annotation, found none/],
    ["empty", "", /a\.xml: /],
    ["without numbers", annotation(object("cat", box(1, "x", 2, 2))), /a\.xml: a box of cat has no numbers/],
    ["without a box", annotation(object("cat", "")), /a\.xml: a box of cat has no numbers/],
  ])("that are %s leave their photo out", async (_, text, reason) => {
    await save("ImageSets/Main/two.txt", "a\nb\n");
    await saveXml("a", text);
    await saveXml("b", annotation(object("cat", box(1, 1, 2, 2))));
    const { photos, skipped } = await list("two", { list: "main" });
    expect(photos.map(({ id }) => id)).toEqual(["set/b"]);
    expect(skipped).toHaveLength(1);
    expect(skipped[0]!.photo).toBe("set/a");
    expect(skipped[0]!.reason).toMatch(reason);
  });
});

describe("masks", () => {
  it("of SBD have no band around objects and lie in a folder of their own", async () => {
    await mkdir(join(root, "SegmentationClassAug"));
    await save("ImageSets/Segmentation/trainaug.txt", "a\n");
    await save("SegmentationClassAug/a.png", png(4, [0, 0, PERSON, PERSON, 0, 0, DOG, DOG]));
    await saveXml("a", annotation(object("person", box(3, 1, 4, 1)), 4, 2));
    const { photos } = await list("trainaug", { masks: "SegmentationClassAug" });
    expect(photos[0]!.present).toEqual(["dog", "person"]);
    expect([...(await photos[0]!.masks!()).get("dog")!]).toEqual([0, 0, 0, 0, 0, 0, 1, 1]);
  });

  it("that are missing, broken or of another size than the annotation leave their photo out", async () => {
    await save("ImageSets/Segmentation/some.txt", "a\nb\nc\nd\ne\n");
    for (const name of ["a", "b", "c", "d"]) await saveXml(name, annotation(""));
    await save("SegmentationClass/b.png", png(4, Array(12).fill(0)).subarray(0, 40));
    await saveMask("c", 3, Array(12).fill(0));
    await saveMask("d", 4, Array(12).fill(0));
    await saveMask("e", 4, Array(12).fill(0));
    const { photos, skipped } = await list("some");
    expect(photos.map(({ id }) => id)).toEqual(["set/d"]);
    expect(skipped.map(({ photo }) => photo)).toEqual(["set/a", "set/b", "set/c", "set/e"]);
    for (const [i, reason] of [/a\.png/, /b\.png/, /c\.png: expected 4x3 .*, found 3x4/, /e\.xml: cannot/].entries()) {
      expect(skipped[i]!.reason).toMatch(reason);
    }
    await expect(photos[0]!.image()).rejects.toThrow(/d\.jpg/);
    await save("JPEGImages/d.jpg", await encodePng({ width: 3, height: 4, data: new Uint8Array(36) }));
    await expect(photos[0]!.image()).rejects.toThrow(/d\.jpg: expected 4x3 as its counterpart, found 3x4/);
  });

  it("are enough without annotations, when that is said", async () => {
    await rm(join(root, "Annotations"), { recursive: true });
    await save("ImageSets/Segmentation/some.txt", "a\n");
    await saveMask("a", 2, [0, DOG]);
    await expect(list("some")).rejects.toThrow(/Annotations: expected the folder of VOC's annotations, found nothing/);
    const { photos } = await list("some", { boxes: "none" });
    expect(photos[0]).toMatchObject({ present: ["dog"], known: VOC_CLASSES });
    expect(photos[0]!.boxes).toBeUndefined();
    expect(photos[0]!.boxed).toBeUndefined();
    await rm(join(root, "SegmentationClass"), { recursive: true });
    await expect(list("some", { boxes: "none" })).rejects.toThrow(/SegmentationClass: expected the folder/);
  });
});

describe("instances", () => {
  it("give boxes where photos have masks of them", async () => {
    const names = ["2011_000003", "2011_000006", "2011_000025"];
    for (const folder of ["SegmentationClass", "SegmentationObject", "JPEGImages"]) {
      const source = join(fixtures, "labelme-voc-coco/instance_segmentation/data_dataset_voc", folder);
      await cp(source, join(root, folder), { recursive: true });
    }
    await save("ImageSets/Segmentation/some.txt", names.join("\n"));
    await rm(join(root, "SegmentationObject/2011_000025.png"));
    const { photos } = await list("some", { boxes: "instances", boxed: ["person", "bottle"] });
    expect(photos.map(({ boxes }) => boxes !== undefined)).toEqual([true, true, false]);
    const { width } = await photos[0]!.image();
    const boxes = await photos[0]!.boxes!();
    expect(boxes.map(({ category }) => category).sort()).toEqual(["bottle", "person", "person"]);
    expect((await photos[1]!.boxes!()).every(({ category }) => category === "person")).toBe(true);
    // All pixels of bottles lie in the boxes of bottles.
    const mask = (await photos[0]!.masks!()).get("bottle")!;
    const [x1, y1, x2, y2] = boxes.find(({ category }) => category === "bottle")!.xyxy;
    const inside = (i: number) => i % width >= x1 && i % width < x2 && i / width >= y1 && i / width < y2;
    expect(mask.every((value, i) => value !== 1 || inside(i))).toBe(true);
  });

  it("of another size or class are named", async () => {
    await mkdir(join(root, "SegmentationObject"));
    await save("ImageSets/Segmentation/some.txt", "a\n");
    await saveMask("a", 2, [0, 0]);
    await save("SegmentationObject/a.png", png(2, [0, 1]));
    const { photos } = await list("some", { boxes: "instances" });
    await expect(photos[0]!.boxes!()).rejects.toThrow(/SegmentationObject\/a\.png: palette index 0/);
    await save("SegmentationObject/a.png", png(1, [0, 1]));
    await expect(photos[0]!.boxes!()).rejects.toThrow(/SegmentationObject\/a\.png: expected 2x1 .*, found 1x2/);
    expect(() => voc.options.parse({ list: "main", boxes: "instances" })).toThrow(/which need \\?"xml/);
  });
});

it("reads the photo's XML of a real person with its size and no number lost", async () => {
  const source = join(fixtures, "labelme-voc-coco/bbox_detection/data_dataset_voc");
  await cp(join(source, "Annotations"), join(root, "Annotations"), { recursive: true });
  await cp(join(source, "JPEGImages"), join(root, "JPEGImages"), { recursive: true });
  await save("ImageSets/Main/all.txt", "2011_000003\n2011_000006\n2011_000025\n");
  const { photos } = await list("all", { list: "main" });
  for (const photo of photos) {
    const text = await readFile(join(root, "Annotations", `${photo.id.slice(4)}.xml`), "utf8");
    const { width, height } = await photo.image();
    expect(photo.size).toEqual({ width, height });
    expect((await photo.boxes!()).length).toBeLessThanOrEqual(text.split("<object>").length - 1);
    expect(photo.present.length).toBeGreaterThan(0);
  }
  expect((await photos[0]!.boxes!())[0]!.xyxy).toEqual([190, 107.36900369003689 - 1, 313, 329.36900369003695]);
});
