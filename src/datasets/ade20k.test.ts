import { cp, mkdir, mkdtemp, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { encode } from "fast-png";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { collect } from "../../tests/helpers/collect.js";
import { encodePalettePng } from "../../tests/helpers/png-bytes.js";
import { readIndexed8 } from "../image/maps.js";
import { ade20k } from "./ade20k.js";
import { ADE20K_CLASSES, ADE20K_INSTANCE_CLASSES, namesOfObjectInfo } from "./ade20k-classes.js";
import { type LabelledPhoto, photosOf, Skipped } from "./sample.js";

/** Three photos of the validation split; the development kit keeps them in a shallower folder than the release. */
const fixture = resolve("../shared/data/fixtures/ade20k-sceneparsing-sample");

const roots: string[] = [];
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "ade20k-"));
  roots.push(root);
  for (const kind of ["images", "annotations"]) {
    await cp(join(fixture, "sampleData", kind), join(root, kind, "validation"), { recursive: true });
  }
  await cp(join(fixture, "objectInfo150.txt"), join(root, "objectInfo150.txt"));
});
afterAll(() => Promise.all(roots.map((folder) => rm(folder, { recursive: true, force: true }))));

const place = (split = "validation") => ({ name: "ade", root, split, options: {} });
const photos = async (): Promise<LabelledPhoto[]> => collect(photosOf(ade20k, place()));
const listed = async () => collect(ade20k.list(place()));
const skipped = async () => (await listed()).filter((entry) => entry instanceof Skipped);
const mask = (name = "ADE_val_00000003") => join(root, "annotations/validation", `${name}.png`);

const png = (width: number, height: number, channels: 1 | 3, data: readonly number[]) =>
  encode({ width, height, channels, depth: 8, data: Uint8Array.from(data) });

const ANY_PALETTE = Array.from({ length: 768 }, (_, i) => (i * 37) % 256);

describe("the 150 names", () => {
  it("are the first synonyms of objectInfo150.txt but for COCO's words", async () => {
    const text = await readFile(join(fixture, "objectInfo150.txt"), "utf8");
    expect(namesOfObjectInfo(text)).toEqual(ADE20K_CLASSES);
    const firsts = text
      .trim()
      .split("\n")
      .slice(1)
      .map((row) => row.split("\t")[4]!.split(",")[0]!.trim());
    const changed = firsts.flatMap((first, i) => (first === ADE20K_CLASSES[i] ? [] : [[first, ADE20K_CLASSES[i]]]));
    expect(changed).toEqual([
      ["sofa", "couch"],
      ["bookcase", "bookshelf"],
      ["television", "tv"],
      ["minibike", "motorcycle"],
    ]);
    expect(new Set(ADE20K_CLASSES).size).toBe(150);
  });

  it("hold the 100 instance classes at the ids of instanceInfo100", () => {
    expect(ADE20K_INSTANCE_CLASSES).toHaveLength(100);
    const at = (id: number) => ADE20K_INSTANCE_CLASSES[id - 1];
    expect([1, 2, 11, 22, 32, 44, 58, 74, 85, 92, 100].map(at)).toEqual(
      "bed,windowpane,couch,cushion,case,palm,tv,motorcycle,screen,ashcan,flag".split(","),
    );
  });
});

describe("ADE20K scene parsing", () => {
  it("gives presence and masks of real photos, with 255 where nothing of the 150 is labelled", async () => {
    const all = await photos();
    expect(all.map(({ id }) => id)).toEqual([1, 2, 3].map((n) => `ade/ADE_val_0000000${n}`));
    expect(all[0]!.present).toEqual(["wall", "building", "sky", "tree", "road", "grass", "plant"]);
    expect(all[0]!.size).toEqual({ width: 683, height: 512 });
    expect(all[0]!.boxes).toBeUndefined();
    for (const photo of all) {
      const picture = await photo.image();
      const masks = await photo.masks!();
      expect([...masks.keys()]).toEqual(photo.present);
      const { data } = await readIndexed8(mask(photo.id.slice(4)));
      const counts = new Map<number, number>();
      for (const value of data) counts.set(value, (counts.get(value) ?? 0) + 1);
      for (const [category, values] of masks) {
        expect(values).toHaveLength(picture.width * picture.height);
        expect(values.filter((v) => v === 1)).toHaveLength(counts.get(ADE20K_CLASSES.indexOf(category) + 1)!);
        expect(values.filter((v) => v === 255)).toHaveLength(counts.get(0)!);
      }
    }
  });

  it("keeps entries small and cloneable", async () => {
    const entries = await listed();
    expect(structuredClone(entries)).toEqual(entries);
    expect(Math.max(...entries.map((entry) => JSON.stringify(entry).length))).toBeLessThan(200);
  });

  it("frames the instances of a generated miniature of annotations_instance", async () => {
    // Made here, in the release's format: red = class 1..100, green = instance, blue unused, 0 = no instance.
    await generate();
    const [photo] = await photos();
    expect((await photo!.boxes!())[0]).toEqual({ category: "person", xyxy: [1, 0, 3, 2], ignore: false });
    expect((await photo!.boxes!()).map(({ category, xyxy }) => [category, ...xyxy])).toEqual([
      ["person", 1, 0, 3, 2],
      ["tv", 3, 0, 6, 1],
      ["person", 4, 2, 6, 4],
    ]);
    expect(photo!.boxed).toEqual(ADE20K_INSTANCE_CLASSES);
    await writeFile(instances(), png(6, 4, 3, Array(72).fill(101)));
    await expect(photo!.boxes!()).rejects.toThrow(/a\.png: expected classes 1 to 100 in the red channel, found 101/);
    await writeFile(instances(), png(4, 6, 3, Array(72).fill(1)));
    await expect(photo!.boxes!()).rejects.toThrow(/annotations_instance.*a\.png: expected 6x4 .* found 4x6/);
    await writeFile(instances(), png(6, 4, 1, Array(24).fill(1)));
    await expect(photo!.boxes!()).rejects.toThrow(/a\.png: expected an 8-bit RGB PNG, found 1 channel/);
    await unlink(instances());
    expect(await skipped()).toMatchObject([
      { photo: "ade/a", reason: expect.stringMatching(/annotations_instance.*a\.png: expected the instances/) },
    ]);
  });

  it.each([
    ["missing", () => unlink(mask()), /00000003\.png: cannot be opened \(ENOENT\)/],
    [
      "cut short",
      async () => writeFile(mask(), (await readFile(mask())).subarray(0, 900)),
      /00000003\.png: is damaged/,
    ],
    [
      "in colours",
      () => writeFile(mask(), png(400, 300, 3, Array(360_000).fill(3))),
      /one-channel PNG, found 3 channel/,
    ],
    [
      "of another set",
      () => writeFile(mask(), png(400, 300, 1, Array(120_000).fill(151))),
      /values 0 to 150, found 151/,
    ],
    ["without a class", () => writeFile(mask(), png(400, 300, 1, Array(120_000).fill(0))), /no pixel has a class/],
  ])("skips a photo whose mask is %s and keeps the others", async (_, spoil, reason) => {
    await spoil();
    expect(await listed()).toHaveLength(3);
    const [only, ...others] = await skipped();
    expect(others).toEqual([]);
    expect(only).toMatchObject({ photo: "ade/ADE_val_00000003", reason: expect.stringMatching(reason) });
  });

  it("reads a palette mask by its indices, as the grey one", async () => {
    const before = await (await photos())[2]!.masks!();
    await writeFile(mask(), encodePalettePng(await readIndexed8(mask()), ANY_PALETTE));
    const after = await (await photos())[2]!.masks!();
    expect([...after.keys()]).toEqual([...before.keys()]);
    for (const [category, values] of after) expect(Buffer.compare(values, before.get(category)!)).toBe(0);
  });

  it("says when photo and mask differ in size", async () => {
    await writeFile(mask(), png(300, 400, 1, Array(120_000).fill(3)));
    const photo = (await photos())[2]!;
    await expect(photo.image()).rejects.toThrow(/00000003\.jpg: expected 300x400 as its counterpart, found 400x300/);
  });

  it("skips a name that is not UTF-8", async () => {
    const odd = Buffer.concat([
      Buffer.from(join(root, "images/validation/")),
      Buffer.from([0xe9]),
      Buffer.from(".jpg"),
    ]);
    await writeFile(odd, "");
    expect(await skipped()).toMatchObject([{ photo: "ade/?", reason: expect.stringMatching(/not UTF-8/) }]);
  });

  it("names what is missing of a half-downloaded set", async () => {
    const list = (split: string, at = root) => collect(ade20k.list({ ...place(split), root: at }));
    await expect(list("validation", join(root, "gone"))).rejects.toThrow(/gone: expected the folder of ADE20K/);
    await expect(list("training")).rejects.toThrow(/images\/training: expected the folder of the photos/);
    await mkdir(join(root, "images/training"));
    await expect(list("training")).rejects.toThrow(/annotations\/training: expected the folder of the masks/);
    await mkdir(join(root, "annotations/training"));
    await expect(list("training")).rejects.toThrow(/images\/training: holds no \.jpg photo/);
  });

  it("refuses a release with other classes", async () => {
    const text = await readFile(join(root, "objectInfo150.txt"), "utf8");
    await writeFile(join(root, "objectInfo150.txt"), text.replace("\tsky", "\tceiling"));
    await expect(listed()).rejects.toThrow(/objectInfo150\.txt: expected class 3 to be sky, found ceiling/);
    await writeFile(join(root, "objectInfo150.txt"), `${text.trimEnd()}\n151\t0\t1\t1\tunicorn\n`);
    await expect(listed()).rejects.toThrow(/expected class 151 to be none, found unicorn/);
  });
});

const instances = () => join(root, "annotations_instance/validation/a.png");

/** One photo of 6x4 with two persons and a tv; the second person's id is that of the tv, as if counted within its class. */
async function generate(): Promise<void> {
  await rm(join(root, "images/validation"), { recursive: true });
  for (const folder of ["images", "annotations_instance"]) {
    await mkdir(join(root, folder, "validation"), { recursive: true });
  }
  await writeFile(join(root, "images/validation/a.jpg"), "");
  await writeFile(mask("a"), png(6, 4, 1, Array(24).fill(13)));
  const rows = [".PPTTT", ".PP...", "....QQ", "....QQ"];
  const pixel = { ".": [0, 0, 0], P: [4, 1, 0], Q: [4, 2, 0], T: [58, 2, 0] } as Record<string, number[]>;
  await writeFile(
    instances(),
    png(
      6,
      4,
      3,
      [...rows.join("")].flatMap((cell) => pixel[cell]!),
    ),
  );
}
