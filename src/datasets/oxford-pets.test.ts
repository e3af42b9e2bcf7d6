/** The native layout of Oxford-IIIT Pets: heads, the list of all photos, and files that are not what they should be. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { encode } from "fast-png";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodePng } from "../image/io.js";
import { PET_CATEGORIES } from "./breeds.js";
import { oxfordPets } from "./oxford-pets.js";
import { type LabelledPhoto, photosOf } from "./sample.js";

const real = resolve("../shared/data/oxford-pets");

async function list(root: string, split: string, options: object = {}): Promise<LabelledPhoto[]> {
  const photos: LabelledPhoto[] = [];
  const place = { name: "pets", root, split, options: oxfordPets.options.parse(options) };
  for await (const photo of photosOf(oxfordPets, place)) photos.push(photo);
  return photos;
}

describe("the real set", () => {
  it("has a list of all photos beside those of its two splits", async () => {
    const ids = async (split: string) => (await list(real, split)).map(({ id }) => id);
    const all = await ids("list");
    expect(all).toHaveLength(586);
    expect([...all].sort()).toEqual([...(await ids("trainval")), ...(await ids("test"))].sort());
  });

  it("has boxes of heads for some photos", async () => {
    const photos = await list(real, "list", { boxes: "head" });
    const headed = photos.filter(({ boxes }) => boxes);
    expect(headed).toHaveLength(246);
    for (const photo of photos.filter(({ boxes }) => !boxes).slice(0, 5)) {
      expect(photo.boxed).toBeUndefined();
      expect(photo.known).toEqual(PET_CATEGORIES);
    }
    for (const photo of [...headed.slice(0, 3), ...headed.slice(-3)]) {
      const head = `${photo.present[0]} head`;
      expect(photo).toMatchObject({ boxed: ["cat head", "dog head"], present: [...photo.present.slice(0, 2), head] });
      expect(photo.known).toEqual([...PET_CATEGORIES, "cat head", "dog head"]);
      const { width } = await photo.image();
      const mask = (await photo.masks!()).get(photo.present[0]!)!;
      for (const { category, xyxy, ignore } of await photo.boxes!()) {
        expect([category, ignore]).toEqual([head, false]);
        // Most of a head box is pet.
        const [x1, y1, x2, y2] = xyxy as [number, number, number, number];
        let pet = 0;
        for (let y = y1; y < y2; y++) for (let x = x1; x < x2; x++) pet += Number(mask[y * width + x] !== 0);
        expect(pet / ((x2 - x1) * (y2 - y1))).toBeGreaterThan(0.6);
      }
    }
    const two = headed.find(({ id }) => id === "pets/Bengal_105")!;
    expect((await two.boxes!()).map(({ xyxy }) => xyxy)).toEqual([
      [48, 124, 111, 168],
      [396, 102, 451, 132],
    ]);
  });
});

describe("files", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "pets-"));
    for (const folder of ["images", "annotations/trimaps", "annotations/xmls"]) {
      await mkdir(join(root, folder), { recursive: true });
    }
    await writeFile(join(root, "annotations/some.txt"), "#Image CLASS-ID SPECIES BREED ID\n#other\n\nBombay_1 4 1 4\n");
  });
  afterEach(() => rm(root, { recursive: true }));

  const savePhoto = async (width: number, height: number) =>
    writeFile(
      join(root, "images/Bombay_1.jpg"),
      await encodePng({ width, height, data: new Uint8Array(3 * width * height) }),
    );
  const saveTrimap = (width: number, data: number[]) =>
    writeFile(
      join(root, "annotations/trimaps/Bombay_1.png"),
      encode({ width, height: data.length / width, channels: 1, depth: 8, data: Uint8Array.from(data) }),
    );
  const saveHead = (width: number, height: number) =>
    writeFile(
      join(root, "annotations/xmls/Bombay_1.xml"),
      `<annotation><size><width>${width}</width><height>${height}</height></size><object><name>cat</name><bndbox><xmin>2</xmin><ymin>1</ymin><xmax>3</xmax><ymax>1</ymax></bndbox></object></annotation>`,
    );

  it("may be PNG or GIF under the name of a JPEG, with other files among them", async () => {
    await savePhoto(3, 2);
    await saveTrimap(3, [2, 2, 2, 2, 1, 3]);
    await writeFile(join(root, "images/Bombay_1.mat"), "MATLAB 5.0 MAT-file");
    await copyFile(join(real, "images/Abyssinian_34.jpg"), join(root, "images/Bombay_2.jpg"));
    await writeFile(join(root, "annotations/some.txt"), "Bombay_1 4 1 4\nBombay_2 4 1 4\n");
    const [png, gif] = await list(root, "some");
    expect(await png!.image()).toMatchObject({ width: 3, height: 2 });
    expect(await gif!.image()).toMatchObject({ width: 250, height: 202 });
    expect([...(await png!.masks!()).get("cat")!]).toEqual([0, 0, 0, 0, 1, 255]);
    expect(await png!.boxes!()).toEqual([{ category: "cat", xyxy: [1, 1, 3, 2], ignore: false }]);
  });

  it("that are missing are the error of their photo", async () => {
    const [photo] = await list(root, "some");
    await expect(photo!.image()).rejects.toThrow(/Bombay_1\.jpg/);
    await expect(photo!.masks!()).rejects.toThrow(/Bombay_1\./);
    await savePhoto(3, 2);
    await expect(photo!.boxes!()).rejects.toThrow(/trimaps\/Bombay_1\.png/);
  });

  it("of another size than the photo are the error of their photo", async () => {
    await savePhoto(3, 2);
    await saveTrimap(2, [2, 2, 2, 2, 1, 3]);
    const [photo] = await list(root, "some");
    const message = /trimaps\/Bombay_1\.png: expected 3x2 as its counterpart, found 2x3/;
    await expect(photo!.masks!()).rejects.toThrow(message);
    await expect(photo!.boxes!()).rejects.toThrow(message);
    await saveHead(2, 3);
    const [headed] = await list(root, "some", { boxes: "head" });
    await expect(headed!.boxes!()).rejects.toThrow(/xmls\/Bombay_1\.xml: expected 3x2 as its counterpart, found 2x3/);
    await saveHead(3, 2);
    expect(await headed!.boxes!()).toEqual([{ category: "cat head", xyxy: [1, 0, 3, 1], ignore: false }]);
    await writeFile(join(root, "annotations/xmls/Bombay_1.xml"), "<annotation><size>");
    await expect(headed!.boxes!()).rejects.toThrow(/xmls\/Bombay_1\.xml: broken XML/);
  });

  it("of the head boxes must be there when they are asked for", async () => {
    await rm(join(root, "annotations/xmls"), { recursive: true });
    await expect(list(root, "some", { boxes: "head" })).rejects.toThrow(
      /xmls: expected the folder of the head boxes of Oxford-IIIT Pets, found nothing/,
    );
    await expect(list(root, "gone")).rejects.toThrow(/annotations\/gone\.txt: cannot be read/);
    expect(() => oxfordPets.options.parse({ boxes: "tail" })).toThrow();
  });
});
