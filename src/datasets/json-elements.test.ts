import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { indexCoco } from "./coco-index.js";
import { jsonElements } from "./json-elements.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "json-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function elements(text: string, ...keys: string[]) {
  const path = join(folder, "a.json");
  await writeFile(path, text);
  const found: unknown[] = [];
  for await (const { key, value } of jsonElements(path, new Set(keys))) found.push([key, value]);
  return found;
}

describe("jsonElements", () => {
  it("yields the objects of the wanted arrays only", async () => {
    const text =
      '\ufeff{"info": {"a": [{"x": 1}]}, "n": "annotations", "a": [{"t": "}]\\"{"}, {"u": {"v": [{}, 1]}}], "b": [{"w": 2}]}';
    expect(await elements(text, "a")).toEqual([
      ["a", { t: '}]"{' }],
      ["a", { u: { v: [{}, 1] } }],
    ]);
    expect(await elements(text, "a", "b")).toHaveLength(3);
    expect(await elements(text, "info")).toEqual([]);
    expect(await elements('{"a": {"0": {"x": 1}}}', "a")).toEqual([]);
  });

  it("says where they lie, in bytes", async () => {
    const text = Buffer.from('\ufeff{"ü": "犬", "a": [ {"x": "é"} , {"y": 2}]}');
    await writeFile(join(folder, "b.json"), text);
    const values: unknown[] = [];
    for await (const { value, offset, length } of jsonElements(join(folder, "b.json"), new Set(["a"]))) {
      expect(JSON.parse(text.subarray(offset, offset + length).toString())).toEqual(value);
      values.push(value);
    }
    expect(values).toEqual([{ x: "é" }, { y: 2 }]);
  });

  it("reads an element that is larger than what is read at once", async () => {
    const large = { x: "犬".repeat(1_000_000), y: [1] };
    expect(await elements(JSON.stringify({ a: [{ z: 0 }, large, { z: 1 }] }), "a")).toEqual([
      ["a", { z: 0 }],
      ["a", large],
      ["a", { z: 1 }],
    ]);
  });

  it("reads elements that lie across the borders of what is read at once", async () => {
    const values = Array.from({ length: 30_000 }, (_, id) => ({ id, text: `"${"é{".repeat(id % 60)}` }));
    const found = await elements(JSON.stringify({ images: values }), "images");
    expect(found).toEqual(values.map((value) => ["images", value]));
  });

  it.each([
    ['{"a": [{"b": 1}', /ends too early/],
    ["", /ends too early/],
    ["[1]", /expected one JSON object/],
    ["hello", /expected one JSON object/],
    ['{"a": [{"b": nope}]}', /damaged element of "a"/],
    ['{"a": [{"b": 1}]} {', /expected one JSON object/],
    ['{"a": [{"b": 1}]} "c"', /expected one JSON object/],
  ])("refuses %s", async (text, message) => {
    await expect(elements(text, "a")).rejects.toThrow(message);
  });

  it("names a file that is not there", async () => {
    await expect(indexCoco(join(folder, "gone.json"))).rejects.toThrow(
      /gone\.json: cannot be read, there is no such file/,
    );
  });
});

describe("indexCoco", () => {
  const index = async (changes: object) => {
    const path = join(folder, "coco.json");
    const good = {
      images: [{ id: 1, file_name: "1.jpg", width: 4, height: 3 }],
      categories: [{ id: 5, name: "Cat" }],
      annotations: [],
    };
    await writeFile(path, JSON.stringify({ ...good, ...changes }));
    return indexCoco(path);
  };

  it("groups annotations by image, whatever the order, and counts those of images not listed", async () => {
    const stray = {
      image_id: 9,
      category_id: 5,
      bbox: [0, 0, 1, 1],
      iscrowd: 1,
      segmentation: { size: [3, 4], counts: [12] },
    };
    const own = { image_id: 1, category_id: 5, bbox: [0, 0, 2, 2], segmentation: [[0, 0, 2, 0, 2, 2]] };
    const annotations = [stray, own];
    const { entries, strays } = await index({ annotations });
    expect(strays).toEqual({ count: 1, image: 9 });
    expect(entries).toHaveLength(1);
    const text = await readFile(join(folder, "coco.json"));
    const [offset, length] = entries[0]!.spans;
    expect(JSON.parse(text.subarray(offset, offset! + length!).toString())).toEqual(own);
    expect(entries[0]!.labels.names.get(5)).toBe("cat");
  });

  it("says what is wrong with an element", async () => {
    const annotation = { id: 3, image_id: 1, category_id: 6, bbox: [0, 0, 2, 2], segmentation: [] };
    await expect(index({ annotations: [annotation] })).rejects.toThrow(/image 1 has the unknown category 6/);
    await expect(index({ annotations: [{ ...annotation, bbox: [0] }] })).rejects.toThrow(/annotations element 3: bbox/);
    await expect(index({ images: [] })).rejects.toThrow(/expected COCO's "images"/);
  });
});
