import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  ask,
  box,
  depth,
  height,
  listed,
  manifest,
  maskOf,
  masks,
  only,
  photo,
  photos,
  png,
  root,
  size,
  truth,
  useOwnSet,
  width,
  write,
} from "../../tests/helpers/own-set.js";
import { encodePng } from "../image/io.js";
import { colour } from "../tasks/colours.js";
import { getTask } from "../tasks/registry.js";
import { encodeRle } from "../tasks/rle.js";

useOwnSet();

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
