import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { encodePng } from "../image/io.js";
import { colour } from "../tasks/colours.js";
import { getTask } from "../tasks/registry.js";
import { encodeRle } from "../tasks/rle.js";
import { ownData } from "./own-data.js";
import { type LabelledPhoto, photosOf, Skipped } from "./sample.js";

const [width, height] = [60, 40];
const size = { width, height };
let root: string;
const manifest = () => join(root, "manifest.jsonl");

const place = (split = "manifest", options: unknown = {}) => ({
  name: "mine",
  root,
  split,
  options: ownData.options.parse(options),
});
const write = (...lines: (object | string)[]) =>
  writeFile(manifest(), lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));
async function photos(options: unknown = {}): Promise<LabelledPhoto[]> {
  const all: LabelledPhoto[] = [];
  for await (const photo of photosOf(ownData, place("manifest", options))) all.push(photo);
  return all;
}
async function only(...lines: object[]): Promise<LabelledPhoto> {
  await write(...lines);
  const all = await photos();
  expect(all).toHaveLength(1);
  return all[0]!;
}
/** Photos of a manifest that are good, and the reasons why others are not. */
async function listed(): Promise<{ ids: string[]; reasons: string[] }> {
  const found = { ids: [] as string[], reasons: [] as string[] };
  for await (const entry of ownData.list(place())) {
    if (entry instanceof Skipped) found.reasons.push(entry.reason);
    else found.ids.push(ownData.open(place(), entry).id);
  }
  return found;
}

const photo = () => ({ ...size, data: Uint8Array.from({ length: width * height * 3 }, (_, i) => 90 + (i % 60)) });
const inBox = (i: number) => i % width >= 10 && i % width < 40 && i >= 5 * width && i < 25 * width;
const box = [10, 5, 40, 25] as const;
const maskOf = (inside: number, outside = 0, rest?: number) =>
  Uint8Array.from({ length: width * height }, (_, i) =>
    rest !== undefined && i < width ? rest : inBox(i) ? inside : outside,
  );
const truth = maskOf(1);
const png = (path: string, data: Uint8Array | Uint16Array, more: object = {}) =>
  writeFile(
    join(root, path),
    encode({ ...size, data, channels: 1, depth: data instanceof Uint16Array ? 16 : 8, ...more }),
  );
const ask = (task: string, more: object) => ({ image: "a.png", task, category: "cat", ...more });
const depth = (more: object) => ({ image: "a.png", task: "depth", ...more });
const masks = async (label: unknown) => (await (await only(ask("segmentation", { label }))).masks!()).get("cat")!;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "own-"));
  await mkdir(join(root, "sub"));
  for (const name of ["a.png", "b.png", "sub/c.png"]) await writeFile(join(root, name), await encodePng(photo()));
});
beforeEach(() => rm(manifest(), { force: true }));
afterAll(() => rm(root, { recursive: true }));

describe("lines of a manifest", () => {
  it("makes one photo of all lines of an image, wherever they stand", async () => {
    await write(
      ask("detection", { label: [box], category: " Cat " }),
      { ...ask("classification", { label: false }), image: "b.png", category: "dog" },
      { ...ask("segmentation", { label: null }), image: "./sub/../a.png", category: "dog" },
      "",
      depth({ label: "d.png", instruction: " How far is it? ", id: "first" }),
    );
    const [a, b] = await photos();
    expect([a!.id, b!.id]).toEqual(["mine/first", "mine/b.png"]);
    expect(a!.asked).toEqual([
      { task: "detection", category: "cat", negative: false },
      { task: "segmentation", category: "dog", negative: true },
      { task: "depth", category: null, negative: false, instruction: "How far is it?" },
    ]);
    expect([a!.known, a!.present, a!.masked, a!.boxed]).toEqual([["cat", "dog"], ["cat"], ["dog"], ["cat"]]);
    expect([b!.known, b!.present]).toEqual([["dog"], []]);
    expect([b!.masks, b!.boxes, b!.depth]).toEqual([undefined, undefined, undefined]);
    expect(await a!.image()).toMatchObject(size);
  });

  it("takes a byte order mark, CRLF and a missing last newline, and reads labels at the right bytes", async () => {
    const lines = ["ä.png", "a.png"].map((image) => JSON.stringify({ ...ask("detection", { label: [box] }), image }));
    await writeFile(manifest(), `\ufeff${lines.join("\r\n\r\n")}`);
    const [, a] = await photos();
    expect(await a!.boxes!()).toEqual([{ category: "cat", xyxy: box, ignore: false }]);
    const [umlaut] = await photos();
    expect(umlaut!.id).toBe("mine/ä.png");
    expect(await only(ask("classification", { label: true, positive: "white", negative: "black" }))).toMatchObject({
      asked: [{ colours: { positive: colour("white"), negative: colour("black") } }],
    });
  });

  it.each<[string, object | string, RegExp]>([
    ["no JSON", "{image: 1}", /expected one JSON object on the line, found \{image: 1\}/],
    ["a number that JSON has not", '{"image": "a.png", "label": [[NaN, 1, 2, 3]]}', /expected one JSON object/],
    ["no object", "[]", /expected a JSON object, found \[\]/],
    ["an unknown task", ask("pose", {}), /"task": expected segmentation, detection, .* found "pose"/],
    ["an unknown key", ask("detection", { label: [], lable: 1 }), /no key but those of the format, found "lable"/],
    ["a category for depth", ask("depth", { label: "d.png" }), /no key but those of the format, found "category"/],
    ["neither label nor target", ask("detection", {}), /expected "label" or "target", found neither/],
    ["both", ask("detection", { label: [], target: "t.png" }), /expected "label" or "target", found both/],
    ["no image", { task: "depth", label: "d.png" }, /"image": expected a path, found nothing/],
    [
      "no category",
      { ...ask("detection", { label: [] }), category: " " },
      /"category": expected the name .* found " "/,
    ],
    ["an absolute path", depth({ label: "/etc/d.png" }), /"label": expected the path of a depth PNG/],
    ["an absolute image", { ...depth({ label: "d.png" }), image: "/a.png" }, /"image": expected a path relative to/],
    ["a drive", { ...depth({ label: "d.png" }), image: "C:/a.png" }, /"image": expected a path relative to/],
    ["an escape", { ...depth({ label: "d.png" }), image: "sub/../../a.png" }, /"image": expected a path that stays/],
    ["an escaping target", depth({ target: "../d.png" }), /"target": expected a path that stays inside/],
    ["backslashes", { ...depth({ label: "d.png" }), image: "sub\\c.png" }, /"image": .*forward slashes, found "sub/],
    ["an inverted box", ask("detection", { label: [[30, 5, 10, 9]] }), /"label.0": expected a box with 0 <= x1 < x2/],
    ["a box above the photo", ask("detection", { label: [[1, -1, 9, 9]] }), /"label.0": expected a box with 0 <= x1/],
    ["a box of text", ask("detection", { label: [["1", 1, 9, 9]] }), /"label.0.0": expected a number, found "1"/],
    ["half a polygon", ask("segmentation", { label: [[1, 2, 3, 4]] }), /expected the path of a mask PNG.* found \[\[1/],
    ["a word for yes", ask("classification", { label: "yes" }), /"label": expected true or false, found "yes"/],
    [
      "one colour",
      ask("classification", { label: true, positive: "red" }),
      /two different colours .* or neither, found/,
    ],
    ["an odd colour", ask("classification", { label: true, positive: "pink", negative: "red" }), /colours red, green/],
    ["an empty sentence", depth({ label: "d.png", instruction: "" }), /"instruction": expected a sentence, found ""/],
  ])("skips a line with %s and says where", async (_, line, reason) => {
    await write({ ...ask("classification", { label: true }), image: "b.png" }, line);
    const { ids, reasons } = await listed();
    expect(ids).toEqual(["mine/b.png"]);
    expect(reasons).toHaveLength(1);
    expect(reasons[0]!.startsWith(`${manifest()}:2: `)).toBe(true);
    expect(reasons[0]).toMatch(reason);
    expect(reasons[0]).not.toContain("\n");
  });

  it("skips a question that is asked twice and a second id", async () => {
    await write(
      ask("classification", { label: true, id: "one" }),
      ask("classification", { label: false, category: "CAT" }),
      depth({ label: "d.png", id: "two" }),
      depth({ label: "d.png" }),
      depth({ label: "e.png" }),
    );
    const { ids, reasons } = await listed();
    expect(ids).toEqual(["mine/one"]);
    expect(reasons).toEqual([
      expect.stringMatching(/:2: expected one line for classification of cat of a\.png, found a second .* line 1\)/),
      expect.stringMatching(/:3: expected "one" as the id of a\.png.* found "two"/),
      expect.stringMatching(/:5: expected one line for depth of a\.png/),
    ]);
  });

  it("ends at a file that is missing, empty or not UTF-8", async () => {
    await expect(listed()).rejects.toThrow(`${manifest()}: cannot be read, there is no such file.`);
    await writeFile(manifest(), "\n\r\n");
    await expect(listed()).rejects.toThrow(/manifest\.jsonl: expected a JSON object on each line, found an empty file/);
    await writeFile(manifest(), Buffer.from('{"image": "a.png"}\n{"image": "\xe4.png"}\n', "latin1"));
    await expect(listed()).rejects.toThrow(/manifest\.jsonl:2: expected UTF-8 text/);
    await expect(photosOf(ownData, { ...place(), root: join(root, "none") }).next()).rejects.toThrow(/none: expected/);
  });

  it("keeps little of each of 100,000 lines: their labels stay in the file", async () => {
    const polygon = Array.from({ length: 40 }, (_, i) => i);
    const line = (i: number) => ({
      ...ask("segmentation", { label: [polygon] }),
      image: `${i >> 1}.png`,
      category: `${i}`,
    });
    await writeFile(manifest(), Array.from({ length: 100_000 }, (_, i) => `${JSON.stringify(line(i))}\n`).join(""));
    const entries: unknown[] = [];
    for await (const entry of ownData.list(place())) entries.push(entry);
    expect(entries).toHaveLength(50_000);
    expect(JSON.stringify(structuredClone(entries[49_999])).length).toBeLessThan(300);
    const last = ownData.open(place(), entries[49_999] as never);
    expect(last.asked!.map(({ category }) => category)).toEqual(["99998", "99999"]);
  }, 60_000);
});

describe("masks", () => {
  it.each<[string, Uint8Array, Uint8Array]>([
    ["0 and 255", maskOf(255), truth],
    ["0 and 1", maskOf(1), truth],
    ["0 and another value", maskOf(38), truth],
    ["0, 1 and 255 to ignore", maskOf(1, 0, 255), maskOf(1, 0, 255)],
  ])("reads a map of %s", async (_, map, expected) => {
    await png("m.png", map);
    expect(await masks("m.png")).toEqual(expected);
  });

  it("reads run lengths, polygons, RGB and ready pictures alike", async () => {
    expect(await masks(encodeRle(truth, size))).toEqual(truth);
    expect(await masks([[10, 5, 40, 5, 40, 25, 10, 25]])).toEqual(truth);
    const drawn = getTask("segmentation").encode({ task: "segmentation", ...size, mask: truth }, photo(), {
      category: "cat",
    });
    await writeFile(join(root, "m.png"), await encodePng(drawn));
    expect(await masks("m.png")).toEqual(truth);
    const double = { width: 2 * width, height: 2 * height };
    const large = getTask("segmentation").transformLabel(
      { task: "segmentation", ...size, mask: truth },
      [0, 0, width, height],
      double,
      false,
    );
    const picture = { ...double, data: new Uint8Array(double.width * double.height * 3) };
    await writeFile(
      join(root, "t.png"),
      await encodePng(getTask("segmentation").encode(large, picture, { category: "cat" })),
    );
    const read = await (await only(ask("segmentation", { target: "t.png" }))).masks!();
    expect(read.get("cat")).toEqual(truth);
  });

  it("ignores what a ready picture shows in the grey of the unknown", async () => {
    const mask = maskOf(1, 0, 255);
    const label = { task: "segmentation" as const, ...size, mask };
    await writeFile(
      join(root, "t.png"),
      await encodePng(getTask("segmentation").encode(label, photo(), { category: "cat" })),
    );
    const read = await (await only(ask("segmentation", { target: "t.png" }))).masks!();
    expect(read.get("cat")).toEqual(mask);
  });

  it("gives nothing for what is absent", async () => {
    for (const label of [null, []]) {
      const absent = await only(ask("segmentation", { label }));
      expect((await absent.masks!()).get("cat")).toEqual(new Uint8Array(width * height));
      expect(absent.asked![0]!.negative).toBe(true);
    }
  });

  it.each<[string, unknown, () => Promise<void>, RegExp]>([
    [
      "a mask of another size",
      "m.png",
      () => png("m.png", truth, { width: height, height: width }),
      /m\.png: expected 60x40 as the photo, found 40x60/,
    ],
    [
      "soft edges",
      "m.png",
      () => png("m.png", maskOf(255, 0, 120)),
      /0 and one other value, or of 0, 1 and 255 .* found 0, 120, 255/,
    ],
    ["several categories", "m.png", () => png("m.png", maskOf(12, 0, 15)), /found 0, 12, 15\. Write a mask/],
    [
      "an empty mask",
      "m.png",
      () => png("m.png", maskOf(0)),
      /show the cat, found none of it\. Write "label": null where/,
    ],
    ["a polygon beside the photo", [[70, 5, 90, 5, 90, 30]], async () => {}, /found none of it/],
    [
      "run lengths of another size",
      { size: [60, 40], counts: [0, 2400] },
      async () => {},
      /label: run lengths for 40x60/,
    ],
    ["damaged run lengths", { size: [40, 60], counts: [0, 7] }, async () => {}, /cover 7 pixels/],
    ["16 bits", "m.png", () => png("m.png", new Uint16Array(2400)), /m\.png: expected an 8-bit one-channel PNG/],
    ["no file", "gone.png", async () => {}, /gone\.png: cannot be opened \(ENOENT\)/],
  ])("refuses %s and says where", async (_, label, prepare, reason) => {
    await prepare();
    const error = await masks(label).catch((e) => e);
    expect(error.name).toBe("InstructCvError");
    expect(error.message.startsWith(`${manifest()}:1: `)).toBe(true);
    expect(error.message).toMatch(reason);
  });
});

describe("boxes", () => {
  it("reads pixels and a ready picture in either style", async () => {
    const two = [box, [42, 28, 58, 38]] as const;
    for (const box_outline of [null, 0.2]) {
      const picture = getTask("detection", { box_outline }).encode(
        { task: "detection", ...size, boxes: two },
        photo(),
        {
          category: "cat",
        },
      );
      await writeFile(join(root, "t.png"), await encodePng(picture));
      await write(ask("detection", { target: "t.png" }));
      const [drawn] = await photos({ box_outline });
      const found = (await drawn!.boxes!()).map(({ xyxy }) => xyxy).sort((a, b) => a[0] - b[0]);
      expect(found).toEqual(two);
    }
  });

  it("refuses a box outside, a picture of another size and one without outlines", async () => {
    const boxes = async (more: object) => (await only(ask("detection", more))).boxes!();
    await expect(boxes({ label: [box, [10, 5, 60.5, 25]] })).rejects.toThrow(
      /jsonl:1: expected boxes inside the photo of 60x40, found \[10, 5, 60\.5, 25\]/,
    );
    await writeFile(join(root, "t.png"), await encodePng(photo()));
    await expect(boxes({ target: "t.png" })).rejects.toThrow(/found none of it\. Write "label": \[\] instead/);
    await writeFile(join(root, "t.png"), await encodePng({ width: 1, height: 1, data: new Uint8Array(3) }));
    await expect(boxes({ target: "t.png" })).rejects.toThrow(/t\.png: expected 60x40 as the photo, found 1x1/);
    expect(await boxes({ label: [] })).toEqual([]);
  });

  it("names a photo that is missing and a file that changed meanwhile", async () => {
    const gone = await only({ ...ask("detection", { label: [box] }), image: "gone.png" });
    await expect(gone.image()).rejects.toThrow(/gone\.png: cannot be opened/);
    await expect(gone.boxes!()).rejects.toThrow(/gone\.png: cannot be opened/);
    const changed = await only(ask("detection", { label: [box] }));
    await write(ask("segmentation", { label: null }));
    await expect(changed.boxes!()).rejects.toThrow(/jsonl:1: expected/);
    await rm(manifest());
    await expect(changed.boxes!()).rejects.toThrow(/jsonl:1: .*there is no such file/);
  });
});

describe("depth", () => {
  const metres = async (more: object) => (await only(depth(more))).depth!();

  it("reads millimetres, 8 bits of 10 m, another scale and a ready picture", async () => {
    const millimetres = Uint16Array.from({ length: width * height }, (_, i) => i * 2);
    await png("d.png", millimetres);
    const exact = await metres({ label: "d.png" });
    expect(exact[0]).toBe(0);
    expect(exact[2399]).toBeCloseTo(4.798, 5);
    expect((await metres({ label: { path: "d.png", metres_per_level: 1 / 256 } }))[2399]).toBeCloseTo(4798 / 256, 5);
    const levels = Uint8Array.from(millimetres, (v) => Math.round((v / 10_000) * 255));
    await png("d.png", levels);
    const coarse = await metres({ label: "d.png" });
    for (const i of [500, 1500, 2399]) expect(Math.abs(coarse[i]! - exact[i]!)).toBeLessThanOrEqual(5 / 255 + 1e-6);
    const label = { task: "depth" as const, ...size, metres: exact };
    await writeFile(join(root, "t.png"), await encodePng(getTask("depth").encode(label, photo(), { category: null })));
    const drawn = await metres({ target: "t.png" });
    for (const i of [500, 1500, 2399]) expect(drawn[i]).toBeCloseTo(coarse[i]!, 5);
  });

  it("refuses maps without a known pixel, of another size or kind", async () => {
    await png("d.png", new Uint16Array(width * height));
    await expect(metres({ label: "d.png" })).rejects.toThrow(/jsonl:1: expected a known depth somewhere, found only 0/);
    await png("d.png", new Uint16Array(width * height).fill(9), { width: height, height: width });
    await expect(metres({ label: "d.png" })).rejects.toThrow(
      /jsonl:1: .*d\.png: expected 60x40 as the photo, found 40x60/,
    );
    await writeFile(join(root, "d.png"), await encodePng(photo()));
    await expect(metres({ label: "d.png" })).rejects.toThrow(/d\.png: expected a grey PNG of 8 or 16 bits/);
  });
});

describe("yes and no", () => {
  const frame = async (name: string) =>
    writeFile(
      join(root, "t.png"),
      await encodePng(
        getTask("classification").encode({ task: "classification", present: true }, photo(), {
          category: "cat",
          positive: colour(name),
        }),
      ),
    );

  it("reads a ready picture in the default colours and in those of the line", async () => {
    const colours = { positive: "yellow", negative: "blue" };
    const cases = [
      ["green", {}, false],
      ["red", {}, true],
      ["yellow", colours, false],
      ["blue", colours, true],
    ] as const;
    for (const [name, more, negative] of cases) {
      await frame(name);
      expect((await only(ask("classification", { target: "t.png", ...more }))).asked![0]!.negative).toBe(negative);
    }
  });

  it("skips a picture in a third colour", async () => {
    await frame("blue");
    await write(ask("classification", { target: "t.png" }));
    expect((await listed()).reasons[0]).toMatch(/jsonl:1: t\.png: expected one frame of green or red, found another/);
  });
});
