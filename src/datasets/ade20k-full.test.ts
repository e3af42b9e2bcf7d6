import { cp, mkdir, mkdtemp, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { encode } from "fast-png";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { collect } from "../../tests/helpers/collect.js";
import { readIndexed8 } from "../image/maps.js";
import { ADE20K_CLASSES, ADE20K_INSTANCE_CLASSES } from "./ade20k-classes.js";
import { ade20kFull } from "./ade20k-full.js";
import { pooledName } from "./coco-names.js";
import { boxesOfValues } from "./label-boxes.js";
import { type LabelledPhoto, photosOf, Skipped } from "./sample.js";

const fixture = resolve("../shared/data/fixtures/ade20k-full-sample/dataset/ADE20K_2021_17_01");
const street = "images/ADE/training/urban/street";

const read = (root: string, split = "training") =>
  collect(photosOf(ade20kFull, { name: "full", root, split, options: {} }));
const listed = (root: string, split = "training") =>
  collect(ade20kFull.list({ name: "full", root, split, options: {} }));

describe("the three real photos", () => {
  let photos: LabelledPhoto[];
  beforeAll(async () => {
    photos = await read(fixture);
  });

  it("are listed with the names of their whole objects", () => {
    expect(photos.map(({ id }) => id)).toEqual(
      ["16869", "16900", "16964"].map((n) => `full/urban/street/ADE_train_000${n}`),
    );
    expect(photos[0]!.size).toEqual({ width: 2048, height: 1536 });
    expect([...photos[0]!.present].sort()).toEqual([
      ..."ashcan,building,car,central reservation,motorcycle,person,road,sidewalk,signboard,sky".split(","),
      ..."streetlight,traffic light,tree".split(","),
    ]);
    // Named in the photo and not of the 150: known there, and only there.
    expect(photos[1]!.known).toContain("umbrella");
    expect(photos[0]!.known).not.toContain("umbrella");
  });

  it("leave open what is shown only as a part or under a narrower name", () => {
    const open = (photo: LabelledPhoto) => ADE20K_CLASSES.filter((name) => !photo.known.includes(name));
    // Windows and a mirror of buildings and cars are parts; a tree is a plant, a traffic light a light.
    expect(open(photos[0]!)).toEqual(expect.arrayContaining(["plant", "light", "mirror", "windowpane"]));
    for (const photo of photos) {
      expect(photo.known).toEqual(expect.arrayContaining(["bed", "sea", "airplane", ...photo.present]));
      expect(open(photo).length).toBeLessThan(15);
    }
  });

  it("have masks whose pixels are labelled once, or ignored in all", async () => {
    const photo = photos[2]!;
    const masks = await photo.masks!();
    expect([...masks.keys()]).toEqual(photo.present);
    const { width, height } = await photo.image();
    const all = [...masks.values()];
    let ignored = 0;
    let once = 0;
    for (let i = 0; i < width * height; i++) {
      if (all.every((mask) => mask[i] === 255)) ignored++;
      else if (all.filter((mask) => mask[i] === 1).length === 1 && all.every((mask) => mask[i]! < 2)) once++;
    }
    expect(ignored + once).toBe(width * height);
    expect(ignored / (width * height)).toBeCloseTo(0.11739, 5);
  });

  it("have a box around the visible part of every object, as their instance PNGs show it (255; 128 is hidden)", async () => {
    const photo = photos[2]!;
    const boxes = await photo.boxes!();
    const { annotation } = JSON.parse(await readFile(join(fixture, street, "ADE_train_00016964.json"), "utf8"));
    const expected: unknown[] = [];
    for (const { name, parts, instance_mask } of annotation.object) {
      if (parts.part_level !== 0 || !ADE20K_INSTANCE_CLASSES.includes(pooledName(name))) continue;
      const png = await readIndexed8(join(fixture, street, instance_mask));
      const visible = boxesOfValues(png, (i) => (png.data[i] === 255 ? 1 : 0)).get(1);
      expected.push({ category: pooledName(name), xyxy: visible, ignore: false });
    }
    expect(expected).toHaveLength(12);
    expect(boxes).toHaveLength(12);
    expect(boxes).toEqual(expect.arrayContaining(expected));
    expect(photo.boxed).toEqual(ADE20K_INSTANCE_CLASSES.filter((name) => photo.known.includes(name)));
  });

  it("have one box an object also where there are 51", async () => {
    const boxes = await photos[0]!.boxes!();
    const count = (category: string) => boxes.filter((box) => box.category === category).length;
    expect(["car", "person", "traffic light", "motorcycle", "ashcan"].map(count)).toEqual([11, 9, 7, 3, 1]);
    expect(count("tree")).toBe(0);
  });
});

describe("a generated photo in the release's format", () => {
  let root: string;
  const roots: string[] = [];
  const folder = () => join(root, "images/ADE/validation/home/den");
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "ade-full-"));
    roots.push(root);
    await mkdir(join(folder(), "ADE_val_1"), { recursive: true });
    await writeFile(join(folder(), "ADE_val_1/instance_000_ADE_val_1.png"), "");
    await write([object("sofa, couch, lounge", 2473), object("café table", 700)]);
  });
  afterAll(() => Promise.all(roots.map((made) => rm(made, { recursive: true, force: true }))));

  const object = (name: string, name_ndx: number, part_level = 0, hypernym: unknown = []) => ({
    name,
    name_ndx,
    hypernym,
    parts: { part_level },
  });
  /** 4x2: two sofas, a café table, one unlabelled column. */
  const seg = () => {
    const code = (c: number, b: number) => [(c >> 8) * 10, c & 255, b];
    const row = [code(2473, 85), code(2473, 170), code(700, 255), [0, 0, 0]].flat();
    return encode({ width: 4, height: 2, channels: 3, depth: 8, data: Uint8Array.from([...row, ...row]) });
  };
  async function write(objects: unknown, encoding: "utf8" | "latin1" = "utf8", imsize: unknown = [2, 4, 3]) {
    const text = JSON.stringify({ annotation: { imsize, object: objects } });
    await writeFile(join(folder(), "ADE_val_1.json"), Buffer.from(text, encoding));
    await writeFile(join(folder(), "ADE_val_1_seg.png"), seg());
    await writeFile(
      join(folder(), "ADE_val_1.jpg"),
      encode({ width: 4, height: 2, channels: 3, depth: 8, data: new Uint8Array(24) }),
    );
  }
  const reason = async () => {
    const [entry] = await listed(root, "validation");
    expect(entry).toBeInstanceOf(Skipped);
    return (entry as Skipped).reason;
  };

  it.each(["utf8", "latin1"] as const)("is read from %s", async (encoding) => {
    await write([object("sofa, couch, lounge", 2473), object("café table", 700)], encoding);
    const [photo] = await read(root, "validation");
    expect(photo!.present).toEqual(["couch", "café table"]);
    expect(Object.fromEntries(await photo!.masks!())).toEqual({
      couch: Uint8Array.of(1, 1, 0, 255, 1, 1, 0, 255),
      "café table": Uint8Array.of(0, 0, 1, 255, 0, 0, 1, 255),
    });
    // A café table is none of the 100 classes whose instances are counted.
    expect(await photo!.boxes!()).toEqual([
      { category: "couch", xyxy: [0, 0, 1, 2], ignore: false },
      { category: "couch", xyxy: [1, 0, 2, 2], ignore: false },
    ]);
    expect((await photo!.image()).width).toBe(4);
  });

  it("may have one object, which MATLAB writes without a list, one wider name, and parts", async () => {
    await write(object("armchair", 57, 0, "chair"));
    const [one] = await read(root, "validation");
    expect(one!.present).toEqual(["armchair"]);
    expect(one!.known).not.toContain("chair");
    await write([object("building, edifice", 312), object("window", 3049, 1), object("door", 774, 1)]);
    const [parts] = await read(root, "validation");
    expect(parts!.present).toEqual(["building"]);
    expect(parts!.known).not.toContain("door");
  });

  it("has no boxes when its objects are too many for the blue channel", async () => {
    await write(Array.from({ length: 256 }, () => object("sofa, couch, lounge", 2473)));
    const [photo] = await read(root, "validation");
    expect([photo!.boxes, photo!.boxed]).toEqual([undefined, undefined]);
    expect((await photo!.masks!()).get("couch")).toEqual(Uint8Array.of(1, 1, 255, 255, 1, 1, 255, 255));
  });

  it("is skipped with the reason when its JSON is damaged, of other fields or missing", async () => {
    const json = join(folder(), "ADE_val_1.json");
    await writeFile(json, '{"annotation": {');
    expect(await reason()).toMatch(/ADE_val_1\.json: is no JSON/);
    await write([{ name: "sofa" }]);
    expect(await reason()).toMatch(/ADE_val_1\.json: annotation\.object/);
    await write([], "utf8", [2]);
    expect(await reason()).toMatch(/ADE_val_1\.json: annotation\.imsize/);
    await unlink(json);
    expect(await reason()).toMatch(/ADE_val_1\.json: there is no such file/);
    await write([object("sofa", 1)]);
    await unlink(join(folder(), "ADE_val_1_seg.png"));
    expect(await reason()).toMatch(/ADE_val_1_seg\.png: there is no such file/);
  });

  it("is refused with a map of another size, a grey map, a photo of another size", async () => {
    const [photo] = await read(root, "validation");
    const map = join(folder(), "ADE_val_1_seg.png");
    await writeFile(map, encode({ width: 2, height: 4, channels: 3, depth: 8, data: new Uint8Array(24) }));
    await expect(photo!.masks!()).rejects.toThrow(/ADE_val_1_seg\.png: expected 4x2 .* found 2x4/);
    await writeFile(map, encode({ width: 4, height: 2, channels: 1, depth: 8, data: new Uint8Array(8) }));
    await expect(photo!.boxes!()).rejects.toThrow(/ADE_val_1_seg\.png: expected an 8-bit RGB PNG, found 1 channel/);
    await cp(map, join(folder(), "ADE_val_1.jpg"));
    await write([object("sofa", 1)], "utf8", [3, 4, 3]);
    const [other] = await read(root, "validation");
    await expect(other!.image()).rejects.toThrow(/ADE_val_1\.jpg: expected 4x3 .* found 4x2/);
  });

  it("has neighbours with odd names and none in an empty split", async () => {
    await writeFile(Buffer.concat([Buffer.from(`${folder()}/`), Buffer.from([0xe9, 0x2e]), Buffer.from("jpg")]), "");
    const odd = (await listed(root, "validation")).filter((entry) => entry instanceof Skipped);
    expect(odd).toMatchObject([{ photo: "full/home/den/?", reason: expect.stringMatching(/not UTF-8/) }]);
    await expect(listed(root)).rejects.toThrow(/images\/ADE\/training: expected the folder/);
    await mkdir(join(root, "images/ADE/training"));
    await expect(listed(root)).rejects.toThrow(/images\/ADE\/training: holds no \.jpg photo/);
    await expect(listed(join(root, "gone"))).rejects.toThrow(/gone: expected the folder of ADE20K/);
  });
});
