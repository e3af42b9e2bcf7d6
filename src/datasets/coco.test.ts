/** Annotation files as they are found: every kind of region, odd boxes, double ids, any order, real size. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeCoco } from "../../tests/helpers/write-coco.js";
import { encodePng } from "../image/io.js";
import { encodeRle } from "../tasks/rle.js";
import { coco } from "./coco.js";
import { type LabelledPhoto, photosOf, Skipped } from "./sample.js";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "coco-"));
  await mkdir(join(root, "annotations"));
  await mkdir(join(root, "some"));
});
afterEach(() => rm(root, { recursive: true }));

const image = { id: 1, file_name: "1.png", width: 6, height: 4 };
const categories = [
  { id: 5, name: "Cat" },
  { id: 9, name: "dog" },
];
const square = [1, 1, 3, 1, 3, 3, 1, 3];
const cat = { id: 1, image_id: 1, category_id: 5, iscrowd: 0, bbox: [1, 1, 2, 2], segmentation: [square] };
/** Rows of pixels, as a mask that the tools would draw. */
const squareMask = [0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];

const file = () => join(root, "annotations", "instances_some.json");
const place = (options = {}) => ({ name: "set", root, split: "some", options });

async function list(content: object | string) {
  await writeFile(file(), typeof content === "string" ? content : JSON.stringify(content));
  const photos: LabelledPhoto[] = [];
  const skipped: Skipped[] = [];
  for await (const entry of coco.list(place())) {
    if (entry instanceof Skipped) skipped.push(entry);
    else photos.push(coco.open(place(), structuredClone(entry)));
  }
  return { photos, skipped };
}
const one = async (...annotations: object[]) => (await list({ images: [image], categories, annotations })).photos[0]!;

describe("regions", () => {
  const packed = encodeRle(Uint8Array.from(squareMask), image).counts;
  const plain = [5, 2, 2, 2, 13];
  it.each([
    ["polygons", [square]],
    ["run lengths", { size: [4, 6], counts: plain }],
    ["packed run lengths", { size: [4, 6], counts: packed }],
  ])("reads %s", async (_, segmentation) => {
    const photo = await one({ ...cat, segmentation });
    expect([...(await photo.masks!()).get("cat")!]).toEqual(squareMask);
    expect(photo.present).toEqual(["cat"]);
  });

  it.each([
    ["polygons", [square]],
    ["run lengths", { size: [4, 6], counts: plain }],
    ["packed run lengths", { size: [4, 6], counts: packed }],
  ])("ignores a crowd of %s, behind the objects", async (_, segmentation) => {
    const object = { ...cat, id: 2, bbox: [1, 1, 1, 1], segmentation: [[1, 1, 2, 1, 2, 2, 1, 2]] };
    const photo = await one(object, { ...cat, iscrowd: 1, segmentation });
    const mask = squareMask.map((value, i) => (i === 7 ? 1 : value * 255));
    expect([...(await photo.masks!()).get("cat")!]).toEqual(mask);
    expect(await photo.boxes!()).toEqual([
      { category: "cat", xyxy: [1, 1, 2, 2], ignore: false, crowd: false },
      { category: "cat", xyxy: [1, 1, 3, 3], ignore: true, crowd: true },
    ]);
  });

  it("ignores the whole box of an annotation without a region, and has no masks when there are boxes only", async () => {
    const { segmentation, ...bare } = cat;
    const mixed = await one(cat, { ...bare, id: 2, category_id: 9, bbox: [0.5, 2.5, 2, 9] });
    const dog = (await mixed.masks!()).get("dog")!;
    expect([...dog.subarray(12)]).toEqual([255, 255, 255, 0, 0, 0, 255, 255, 255, 0, 0, 0]);
    expect(dog.subarray(0, 12).every((v) => v === 0)).toBe(true);
    for (const boxOnly of [bare, { ...bare, segmentation: [] }, { ...bare, segmentation: null }]) {
      const photo = await one(boxOnly);
      expect(photo.masks).toBeUndefined();
      expect(await photo.boxes!()).toHaveLength(1);
    }
  });

  it.each([
    ["another size", { size: [6, 4], counts: plain }, /annotation 1: run lengths for 4x6 in an image of 6x4/],
    ["too few pixels", { size: [4, 6], counts: [5, 2] }, /annotation 1: Run lengths cover 7 pixels, expected 24/],
    ["a cut string", { size: [4, 6], counts: "5o" }, /annotation 1: /],
  ])("names run lengths of %s, for that photo alone", async (_, segmentation, message) => {
    const other = { ...image, id: 2, file_name: "2.png" };
    const annotations = [
      { ...cat, segmentation },
      { ...cat, id: 2, image_id: 2 },
    ];
    const { photos } = await list({ images: [image, other], categories, annotations });
    await expect(photos[0]!.masks!()).rejects.toThrow(message);
    await expect(photos[0]!.masks!()).rejects.toThrow(file());
    expect((await photos[1]!.masks!()).size).toBe(1);
  });
});

describe("boxes", () => {
  it.each([
    ["over the border", [-2, 1, 5, 9], [0, 1, 3, 4], false],
    ["outside", [7, 1, 2, 2], [6, 1, 6, 3], true],
    ["without height", [1, 1, 2, 0], [1, 1, 3, 1], true],
    ["of negative width", [3, 1, -2, 2], [3, 1, 3, 3], true],
  ])("%s", async (_, bbox, xyxy, ignore) => {
    const photo = await one({ ...cat, bbox });
    expect(await photo.boxes!()).toEqual([{ category: "cat", xyxy, ignore, crowd: false }]);
    expect(photo.present).toEqual(["cat"]);
  });
});

describe("ids", () => {
  it("skips the second of two images with one id, and both when they are different files", async () => {
    const other = { ...image, id: 2, file_name: "2.png" };
    const annotations = [cat];
    const twice = await list({ images: [image, image, other], categories, annotations });
    expect(twice.photos.map(({ id }) => id)).toEqual(["set/1", "set/2"]);
    expect(twice.skipped).toEqual([new Skipped("set/1", `${file()}: the image id 1 comes twice.`)]);
    expect(await twice.photos[0]!.boxes!()).toHaveLength(1);
    const unclear = await list({ images: [image, { ...image, file_name: "3.png" }, other], categories, annotations });
    expect(unclear.photos.map(({ id }) => id)).toEqual(["set/2"]);
    expect(unclear.skipped.map(({ photo }) => photo)).toEqual(["set/1", "set/3"]);
  });

  it("counts an annotation id once in an image, and every annotation that has no id", async () => {
    const { id, ...nameless } = cat;
    const photo = await one(cat, { ...cat, category_id: 9 }, nameless, nameless);
    expect((await photo.boxes!()).map(({ category }) => category)).toEqual(["cat", "cat", "cat"]);
    expect(photo.present).toEqual(["cat"]);
  });

  it("counts annotations of images that are not listed", async () => {
    const stray = { ...cat, image_id: 9, category_id: 77 };
    const { photos, skipped } = await list({ images: [image], categories, annotations: [stray, cat, stray] });
    expect(photos).toHaveLength(1);
    expect(skipped).toEqual([
      new Skipped(
        "set/annotations",
        `${file()}: 2 annotations are of images that the file does not list, the first of image 9.`,
      ),
    ]);
  });

  it("refuses a category id that comes twice, and makes one category of two ids with one name", async () => {
    const annotations = [cat, { ...cat, id: 2, category_id: 9 }];
    await expect(list({ images: [image], categories: [...categories, { id: 5, name: "cow" }] })).rejects.toThrow(
      /the category id 5 comes twice/,
    );
    const { photos } = await list({
      images: [image],
      categories: [categories[0], { id: 9, name: "cat" }],
      annotations,
    });
    expect(photos[0]!.known).toEqual(["cat"]);
    expect((await photos[0]!.boxes!()).map(({ category }) => category)).toEqual(["cat", "cat"]);
  });
});

describe("the file", () => {
  const parts = { images: [image], categories, annotations: [cat] };
  it.each([
    ["annotations", "images", "categories"],
    ["categories", "annotations", "images"],
    ["images", "annotations", "categories"],
  ] as const)("may begin with %s, then %s, then %s", async (...keys) => {
    const { photos } = await list(Object.fromEntries(keys.map((key) => [key, parts[key]])));
    expect(await photos[0]!.boxes!()).toHaveLength(1);
    expect((await photos[0]!.masks!()).get("cat")!.includes(1)).toBe(true);
    expect(photos[0]!.present).toEqual(["cat"]);
  });

  it("may hold letters of several bytes, before and in what is read back", async () => {
    const named = { ...image, file_name: "köter/犬🐕.png" };
    const { photos } = await list(
      JSON.stringify({
        info: "Übung 犬".repeat(200_000),
        images: [named],
        categories: [{ id: 5, name: "Pâté 犬" }],
        annotations: [{ note: "🐕é", ...cat }],
      }),
    );
    expect(photos[0]).toMatchObject({ id: "set/köter/犬🐕", path: join(root, "some", "köter/犬🐕.png") });
    expect((await photos[0]!.boxes!())[0]!.category).toBe("pâté 犬");
  });

  it("is named when it is cut, no JSON, or another one than was listed", async () => {
    const text = JSON.stringify(parts);
    const place = file().replaceAll("/", "\\/");
    await expect(list(text.slice(0, text.length / 2))).rejects.toThrow(new RegExp(`${place}: the JSON ends too early`));
    await expect(list("<html>404</html>")).rejects.toThrow(new RegExp(`${place}: expected one JSON object`));
    await expect(list('"hello"')).rejects.toThrow(/expected one JSON object/);
    const { photos } = await list(text);
    await writeFile(file(), ` ${text}`);
    await expect(photos[0]!.boxes!()).rejects.toThrow(/not the file that was listed any more/);
    await writeFile(file(), text.replace('"image_id":1', '"image_id":2'));
    await expect(photos[0]!.masks!()).rejects.toThrow(/not the file that was listed any more/);
    await rm(file());
    await expect(photos[0]!.boxes!()).rejects.toThrow(/instances_some\.json: cannot be read/);
  });

  it("may name photos that are missing or of another size: their own errors", async () => {
    const { photos } = await list({ ...parts, images: [image, { ...image, id: 2, file_name: "2.png" }] });
    await writeFile(join(root, "some/1.png"), await encodePng({ width: 4, height: 6, data: new Uint8Array(72) }));
    await expect(photos[0]!.image()).rejects.toThrow(/1\.png: expected 6x4 as its counterpart, found 4x6/);
    await expect(photos[1]!.image()).rejects.toThrow(/2\.png/);
    expect(photos[1]!.size).toEqual({ width: 6, height: 4 });
    await rm(join(root, "some"), { recursive: true });
    await expect(list(parts)).rejects.toThrow(/some: expected the folder of COCO's photos, found nothing/);
  });

  it("and the photos may lie elsewhere", async () => {
    const fixture = resolve("../shared/data/fixtures/keras-retinanet-coco-voc/coco");
    for (const split of ["train2017", "val2017"]) {
      const options = coco.options.parse({ photos: `images/${split}` });
      for await (const photo of photosOf(coco, { name: "coco", root: fixture, split, options })) {
        const { width, height } = await photo.image();
        for (const mask of (await photo.masks!()).values()) expect(mask).toHaveLength(width * height);
        expect(new Set((await photo.boxes!()).map(({ category }) => category))).toEqual(new Set(photo.present));
        expect(photo.present.length).toBeGreaterThan(0);
      }
    }
  });
});

describe("a large file", () => {
  it("costs a few hundred bytes an image", async () => {
    const images = 4000;
    await writeCoco(file(), { images, annotations: 29_000 });
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    collect();
    const before = process.memoryUsage().heapUsed;
    const entries: unknown[] = [];
    for await (const entry of coco.list(place())) entries.push(entry);
    collect();
    const bytes = (process.memoryUsage().heapUsed - before) / images;
    expect(entries).toHaveLength(images);
    // The file has 4,100 bytes an image.
    expect(bytes).toBeLessThan(600);
  });
});
