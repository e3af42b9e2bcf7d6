/** The fixture holds three photos as VOC masks, VOC boxes and COCO JSON: what the readers make of them must agree. */
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { readIndexed8 } from "../image/io.js";
import { coco } from "./coco.js";
import { type LabelledPhoto, photosOf } from "./sample.js";
import { readInstanceBoxes } from "./voc-masks.js";
import { boxesIn, readVocXml } from "./voc-xml.js";

const fixture = resolve("../shared/data/fixtures/labelme-voc-coco");
const voc = join(fixture, "instance_segmentation/data_dataset_voc");
const names = ["2011_000003", "2011_000006", "2011_000025"];
/** Palette index of a person, in VOC's order. */
const PERSON = 15;

async function readCoco(): Promise<Map<string, LabelledPhoto>> {
  const root = join(fixture, "instance_segmentation/data_dataset_coco");
  const options = { annotations: "annotations.json", photos: "." };
  const photos = new Map<string, LabelledPhoto>();
  for await (const photo of photosOf(coco, { name: "coco", root, split: "all", options })) {
    await photo.image();
    photos.set(photo.id.replace(/^.*\//, ""), photo);
  }
  return photos;
}

describe("the same photos in two formats", () => {
  it("have the same masks", async () => {
    const photos = await readCoco();
    expect([...photos.keys()].sort()).toEqual(names);
    for (const name of names) {
      const { data } = await readIndexed8(join(voc, "SegmentationClass", `${name}.png`));
      const masks = await photos.get(name)!.masks!();
      const drawn = data.map((index) => (index === PERSON ? 1 : 0));
      const mask = masks.get("person");
      if (!mask) {
        expect(drawn.includes(1)).toBe(false);
        continue;
      }
      expect(iou(mask, drawn)).toBeGreaterThan(0.95);
    }
  });

  it("have the same boxes of persons", async () => {
    const photos = await readCoco();
    const path = join(fixture, "bbox_detection/data_dataset_voc/Annotations/2011_000003.xml");
    const annotation = await readVocXml(path);
    const inVoc = boxesIn(annotation, annotation.size!).filter((box) => box.category === "person");
    const inCoco = (await photos.get("2011_000003")!.boxes!()).filter((box) => box.category === "person");
    expect(inVoc).toHaveLength(inCoco.length);
    for (const { xyxy } of inVoc) {
      const distance = Math.min(...inCoco.map((box) => Math.max(...box.xyxy.map((v, i) => Math.abs(v - xyxy[i]!)))));
      expect(distance).toBeLessThanOrEqual(5);
    }
  });
});

describe("instances", () => {
  it("have the boxes that their outlines in COCO have", async () => {
    const photos = await readCoco();
    for (const name of names) {
      const inVoc = await readInstanceBoxes(
        join(voc, "SegmentationObject", `${name}.png`),
        join(voc, "SegmentationClass", `${name}.png`),
      );
      const inCoco = await photos.get(name)!.boxes!();
      expect(inVoc.length).toBe(inCoco.length);
      for (const { category, xyxy } of inVoc) {
        const near = inCoco.filter((box) => Math.max(...box.xyxy.map((v, i) => Math.abs(v - xyxy[i]!))) <= 5);
        expect(near.map((box) => box.category.replace("tv/monitor", "tv").replace("sofa", "couch"))).toContain(
          category,
        );
      }
    }
  });
});

function iou(a: Uint8Array, b: Uint8Array): number {
  let both = 0;
  let either = 0;
  for (let i = 0; i < a.length; i++) {
    if (a[i] === 1 && b[i] === 1) both++;
    if (a[i] === 1 || b[i] === 1) either++;
  }
  return both / either;
}
