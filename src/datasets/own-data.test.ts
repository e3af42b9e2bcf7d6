import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  ask,
  box,
  depth,
  listed,
  manifest,
  only,
  photos,
  place,
  root,
  size,
  useOwnSet,
  write,
} from "../../tests/helpers/own-set.js";
import { colour } from "../tasks/colours.js";
import { ownData } from "./own-data.js";
import { photosOf } from "./sample.js";

useOwnSet();

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
