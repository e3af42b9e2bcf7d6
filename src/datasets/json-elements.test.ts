import { mkdtemp, rm, writeFile } from "node:fs/promises";
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
      annotations: [{ image_id: 1, category_id: 5, bbox: [0, 0, 2, 2], segmentation: [[0, 0, 2, 0, 2, 2]] }],
    };
    await writeFile(path, JSON.stringify({ ...good, ...changes }));
    return indexCoco(path);
  };

  it("groups annotations by image, whatever the order, and drops those of images not listed", async () => {
    const stray = {
      image_id: 9,
      category_id: 5,
      bbox: [0, 0, 1, 1],
      iscrowd: 1,
      segmentation: { size: [3, 4], counts: [12] },
    };
    const { images, categories, annotations } = await index({ annotations: [stray] });
    expect(images).toHaveLength(1);
    expect(categories.get(5)).toBe("cat");
    expect(annotations.get(9)![0]!.crowd).toBe(true);
    expect((await index({})).annotations.get(1)).toHaveLength(1);
  });

  it("says what is wrong with an element", async () => {
    const annotation = { id: 3, image_id: 1, category_id: 6, bbox: [0, 0, 2, 2], segmentation: [] };
    await expect(index({ annotations: [annotation] })).rejects.toThrow(/image 1 has the unknown category 6/);
    await expect(index({ annotations: [{ ...annotation, bbox: [0] }] })).rejects.toThrow(/annotations element 3: bbox/);
    await expect(index({ images: [] })).rejects.toThrow(/expected COCO's "images"/);
  });
});
