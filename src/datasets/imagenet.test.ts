import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { collect } from "../../tests/helpers/collect.js";
import { COCO_CLASSES, pooledName } from "./coco-names.js";
import { imagenet } from "./imagenet.js";
import { photosOf, Skipped } from "./sample.js";

const MAPPING = `n01440764 tench, Tinca tinca
n02992529 cellular telephone, cellular phone, cellphone, cell, mobile phone
n04254680 soccer ball
n03793489 mouse, computer mouse
`;
const WNIDS = ["n01440764", "n02992529", "n03793489", "n04254680"];

const roots: string[] = [];
let root: string;
/** A miniature of the class folders: one photo a class, and the two odd kinds that lie among the real ones. */
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "imagenet-"));
  roots.push(root);
  await writeFile(join(root, "LOC_synset_mapping.txt"), MAPPING);
  for (const wnid of WNIDS) {
    await mkdir(join(root, "train", wnid), { recursive: true });
    await writeFile(join(root, "train", wnid, `${wnid}_18.JPEG`), await red().jpeg().toBuffer());
  }
});
afterAll(() => Promise.all(roots.map((folder) => rm(folder, { recursive: true, force: true }))));

const red = () => sharp({ create: { width: 6, height: 4, channels: 3, background: { r: 200, g: 30, b: 30 } } });
const place = (options: object = {}, split = "train") => ({
  name: "imagenet",
  root,
  split,
  options: imagenet.options.parse(options),
});
const photos = (options?: object) => collect(photosOf(imagenet, place(options)));
const listed = (options?: object, split?: string) => collect(imagenet.list(place(options, split)));

describe("ImageNet", () => {
  it("lists the photos of each class in the order of the ids, one label each", async () => {
    const all = await photos();
    expect(all.map(({ id }) => id)).toEqual(WNIDS.map((wnid) => `imagenet/${wnid}/${wnid}_18`));
    expect(all.map(({ present }) => present)).toEqual([["tench"], ["cell phone"], ["mouse"], ["soccer ball"]]);
    for (const { known } of all) expect(known).toEqual(["tench", "cell phone", "mouse", "soccer ball"]);
    expect(all[0]!.masks ?? all[0]!.boxes ?? all[0]!.depth).toBeUndefined();
    expect(await all[0]!.image()).toMatchObject({ width: 6, height: 4 });
  });

  it("shares one list of names between all entries, so that 1.2 million of them stay small", async () => {
    const entries = (await listed()) as { known: readonly string[]; category: string }[];
    for (const { known } of entries) expect(known).toBe(entries[0]!.known);
    expect(structuredClone(entries)).toEqual(entries);
    const own = entries.map(({ known: _, ...rest }) => JSON.stringify(rest).length);
    expect(Math.max(...own)).toBeLessThan(90);
  });

  it("reads CMYK JPEGs and a PNG that is named .JPEG", async () => {
    const folder = join(root, "train", WNIDS[0]!);
    await writeFile(
      join(folder, "n01440764_a.JPEG"),
      await red().toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer(),
    );
    await writeFile(join(folder, "n01440764_b.JPEG"), await red().png().toBuffer());
    const [, cmyk, png] = await photos();
    for (const photo of [cmyk!, png!]) {
      const { width, height, data } = await photo.image();
      expect([width, height, data.length]).toEqual([6, 4, 72]);
      expect(data[0]!).toBeGreaterThan(150);
      expect(data[1]!).toBeLessThan(100);
    }
  });

  it.each([
    [
      "wnid to name",
      { n01440764: "tench", n02992529: "cellphone", n03793489: "Computer_mouse", n04254680: "soccer_ball" },
    ],
    [
      "index to wnid and name",
      {
        0: ["n01440764", "tench"],
        487: ["n02992529", "cellular_telephone"],
        673: ["n03793489", "mouse"],
        805: ["n04254680", "soccer_ball"],
      },
    ],
  ])("reads names from JSON: %s", async (_, names) => {
    await writeFile(join(root, "names.json"), JSON.stringify(names));
    const all = await photos({ classes: "names.json" });
    expect(all.slice(0, 2).flatMap(({ present }) => present)).toEqual(["tench", "cell phone"]);
    expect(all[3]!.present).toEqual(["soccer ball"]);
    expect(await photos({ classes: join(root, "names.json") })).toHaveLength(4);
  });

  it("reads only the classes asked for, by id or by name", async () => {
    await mkdir(join(root, "train/n99999999"));
    const all = await photos({ classes_only: ["n01440764", "mouse"] });
    expect(all.map(({ present }) => present[0])).toEqual(["tench", "mouse"]);
    expect(all[0]!.known).toEqual(["tench", "mouse"]);
    await expect(listed({ classes_only: ["unicorn"] })).rejects.toThrow(
      /LOC_synset_mapping\.txt: has no class "unicorn" of classes_only/,
    );
    expect(imagenet.options.safeParse({ classes_only: [] }).success).toBe(false);
    expect(imagenet.options.safeParse({ only: ["mouse"] }).success).toBe(false);
  });

  it("takes two classes of one name for one category", async () => {
    await writeFile(join(root, "LOC_synset_mapping.txt"), "n01440764 crane\nn04254680 crane\nn03793489 mouse\n");
    const all = await photos();
    expect(all.map(({ present }) => present[0])).toEqual(["crane", "mouse", "crane"]);
    expect(all[0]!.known).toEqual(["crane", "mouse"]);
  });

  it("says what is wrong with a map", async () => {
    const map = join(root, "LOC_synset_mapping.txt");
    const refuses = async (text: string, message: RegExp) => {
      await writeFile(map, text);
      await expect(listed()).rejects.toThrow(message);
    };
    await refuses("tench\n", /LOC_synset_mapping\.txt: expected a WordNet id and names .*, found "tench "/);
    await refuses(`${MAPPING}n01440764 tench\n`, /names the class n01440764 twice/);
    await refuses('{"n01440764": ', /LOC_synset_mapping\.txt: is no JSON/);
    await refuses('{"n01440764": 3}', /LOC_synset_mapping\.txt: n01440764: /);
    await refuses("\n", /expected names of classes, found none/);
    await rm(map);
    await expect(listed()).rejects.toThrow(/LOC_synset_mapping\.txt: cannot be read, there is no such file/);
  });

  it("says that a flat folder must be sorted, which folder is missing and which is empty", async () => {
    await mkdir(join(root, "val"));
    await writeFile(join(root, "val/ILSVRC2012_val_00000001.JPEG"), "");
    await expect(listed({}, "val")).rejects.toThrow(
      /val: expected a folder for each class such as n01440764, found photos \(ILSVRC2012_val_00000001\.JPEG\)\. Sort them/,
    );
    await rm(join(root, "train/n03793489"), { recursive: true });
    await writeFile(join(root, "train/n03793489.tar"), "");
    await expect(listed()).rejects.toThrow(/n03793489: expected a folder for each of the 4 classes .* 1 are missing/);
    await mkdir(join(root, "train/n03793489"));
    await expect(listed()).rejects.toThrow(/n03793489: holds no photo/);
    await expect(listed({}, "test")).rejects.toThrow(/test: expected the folder of the ImageNet split test/);
    const gone = { ...place(), root: join(root, "gone") };
    await expect(collect(imagenet.list(gone))).rejects.toThrow(/gone: expected the folder of ImageNet/);
  });

  it("skips a name that is not UTF-8 and passes over other files", async () => {
    const folder = Buffer.from(`${join(root, "train", WNIDS[0]!)}/`);
    await writeFile(Buffer.concat([folder, Buffer.from([0xff]), Buffer.from(".JPEG")]), "");
    await writeFile(Buffer.concat([folder, Buffer.from(".DS_Store")]), "");
    const all = await listed();
    expect(all).toHaveLength(5);
    expect(all.find((entry) => entry instanceof Skipped)).toMatchObject({
      photo: "imagenet/n01440764/?",
      reason: expect.stringMatching(/not UTF-8/),
    });
  });
});

describe("pooledName", () => {
  it.each([
    ["sofa, couch, lounge", "couch"],
    ["television receiver, television, television set, tv", "tv"],
    ["hand blower, blow dryer, blow drier, hair dryer, hair drier", "hair drier"],
    ["minibike, motorbike", "motorcycle"],
    ["Egyptian cat", "egyptian cat"],
    [" bed ", "bed"],
  ])("of %s is %s", (synonyms, name) => expect(pooledName(synonyms)).toBe(name));

  it("keeps COCO's own names", () => {
    expect(COCO_CLASSES).toHaveLength(80);
    expect(COCO_CLASSES.map(pooledName)).toEqual(COCO_CLASSES);
  });
});
