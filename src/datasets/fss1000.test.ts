import { mkdir, mkdtemp, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { collect } from "../../tests/helpers/collect.js";
import { encodeJpeg } from "../image/io.js";
import { fss1000 } from "./fss1000.js";
import { type LabelledPhoto, photosOf, Skipped } from "./sample.js";

const roots: string[] = [];
let root: string;
/** A miniature in the release's layout: photos 1 and 10 of three classes, masks in RGB as there. */
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fss-"));
  roots.push(root);
  for (const folder of ["abe's_flyingfish", "earphone2", "motorbike"]) {
    await mkdir(join(root, folder));
    for (const number of [10, 1]) {
      await writeFile(join(root, folder, `${number}.jpg`), await photo(4, 2));
      await writeFile(join(root, folder, `${number}.png`), rgb(4, 2, [0, 255, 255, 0, 0, 127, 128, 0]));
    }
  }
});
afterAll(() => Promise.all(roots.map((folder) => rm(folder, { recursive: true, force: true }))));

const place = (split: string) => ({ name: "fss", root, split, options: {} });
const photos = (split = "all"): Promise<LabelledPhoto[]> => collect(photosOf(fss1000, place(split)));
const listed = (split = "all") => collect(fss1000.list(place(split)));
const skipped = async () => (await listed()).filter((entry) => entry instanceof Skipped);

const photo = (width: number, height: number) =>
  encodeJpeg({ width, height, data: new Uint8Array(width * height * 3).fill(90) });
const rgb = (width: number, height: number, grey: readonly number[]) =>
  encode({ width, height, channels: 3, depth: 8, data: Uint8Array.from(grey.flatMap((v) => [v, v, v])) });
const grey = (values: readonly number[]) =>
  encode({ width: 4, height: 2, channels: 1, depth: 8, data: Uint8Array.from(values) });
const mask = () => join(root, "motorbike/1.png");

describe("FSS-1000", () => {
  it("lists all classes, photos by number, names as words in COCO's spelling", async () => {
    expect(await listed()).toEqual([
      "abe's_flyingfish/1",
      "abe's_flyingfish/10",
      "earphone2/1",
      "earphone2/10",
      "motorbike/1",
      "motorbike/10",
    ]);
    const all = await photos();
    expect(all.map(({ known }) => known[0]!)).toEqual(
      ["abe's flyingfish", "earphone", "motorcycle"].flatMap((name) => [name, name]),
    );
    const [first] = all;
    expect(first!.id).toBe("fss/abe's_flyingfish/1");
    expect(first!.known).toEqual(first!.present);
    expect(await first!.image()).toMatchObject({ width: 4, height: 2 });
    expect(first!.boxes).toBeUndefined();
  });

  it("makes the mask of the bright half of the grey levels", async () => {
    const [first] = await photos();
    expect([...(await first!.masks!())]).toEqual([["abe's flyingfish", Uint8Array.of(0, 1, 1, 0, 0, 0, 1, 0)]]);
  });

  it("reads grey masks as RGB ones", async () => {
    await writeFile(mask(), grey([0, 0, 0, 255, 255, 0, 0, 0]));
    const masks = await (await photos())[4]!.masks!();
    expect(masks.get("motorcycle")).toEqual(Uint8Array.of(0, 0, 0, 1, 1, 0, 0, 0));
  });

  it("reads the classes of a list file, and says when there is none", async () => {
    await writeFile(join(root, "fss_test_set.txt"), "motorbike\r\nearphone2");
    expect(await listed("fss_test_set")).toEqual(["motorbike/1", "motorbike/10", "earphone2/1", "earphone2/10"]);
    expect(await listed()).toHaveLength(6);
    for (const split of ["test", "train"]) {
      await expect(listed(split)).rejects.toThrow(
        new RegExp(
          `${split}\\.txt: expected the classes of the split, found no such file\\..*fss_test_set\\.txt.*"all"`,
        ),
      );
    }
    await writeFile(join(root, "twice.txt"), "motorbike\nearphone2\nmotorbike\n");
    await expect(listed("twice")).rejects.toThrow(/twice\.txt: names the class "motorbike" twice/);
    await writeFile(join(root, "cut.txt"), "motorbike\nzebra\n");
    await expect(listed("cut")).rejects.toThrow(/zebra: expected the folder of a class of cut\.txt, found nothing/);
  });

  it("passes over stray files and skips photos without a mask", async () => {
    await writeFile(join(root, "motorbike/1.jpeg"), "");
    await writeFile(join(root, "motorbike/Thumbs.db"), "");
    await writeFile(join(root, "README"), "");
    await unlink(mask());
    await writeFile(Buffer.concat([Buffer.from(`${root}/caf`), Buffer.from([0xe9])]), "");
    expect(await listed()).toHaveLength(7);
    expect(await skipped()).toMatchObject([
      { photo: "fss/?", reason: expect.stringMatching(/not UTF-8/) },
      { photo: "fss/motorbike/1", reason: expect.stringMatching(/motorbike\/1\.png: no such mask/) },
    ]);
  });

  it.each([
    ["of another size", () => rgb(2, 4, Array(8).fill(255)), /1\.png: expected 4x2 .* found 2x4/],
    ["that is a photo", () => colours(), /1\.png: expected white on black, found colours/],
    ["in class numbers", () => grey([0, 1, 1, 0, 0, 0, 1, 0]), /1\.png: expected an object .* found no white pixel/],
    ["that is cut short", () => rgb(4, 2, Array(8).fill(255)).subarray(0, 50), /1\.png: is damaged/],
  ])("refuses a mask %s", async (_, bytes, message) => {
    await writeFile(mask(), bytes());
    await expect((await photos())[4]!.masks!()).rejects.toThrow(message);
  });

  it("names what is missing", async () => {
    const gone = { ...place("all"), root: join(root, "gone") };
    await expect(collect(fss1000.list(gone))).rejects.toThrow(/gone: expected the folder of FSS-1000/);
    await rm(root, { recursive: true });
    await mkdir(join(root, "fewshot_data/motorbike"), { recursive: true });
    await expect(listed()).rejects.toThrow(/expected folders of photos 1\.jpg to 10\.jpg, found none/);
  });
});

function colours(): Uint8Array {
  const data = Uint8Array.from({ length: 24 }, (_, i) => [200, 120, 40][i % 3]!);
  return encode({ width: 4, height: 2, channels: 3, depth: 8, data });
}
