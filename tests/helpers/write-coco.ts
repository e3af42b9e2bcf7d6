/** Writes a COCO annotation file of any size, in the proportions of `instances_train2017.json`: 7.3 outlines an image, one in 86 a crowd. */

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { createRng, type Rng } from "../../src/random.js";

const WIDTH = 640;
const HEIGHT = 480;
const CATEGORIES = 80;

export interface CocoFileSize {
  /** 118,287 in the full training set. */
  readonly images: number;
  /** 860,001 there; in the order of their categories, so that those of one image lie far apart. */
  readonly annotations: number;
}

/** The same sizes give the same bytes. */
export async function writeCoco(path: string, { images, annotations }: CocoFileSize): Promise<void> {
  const rng = createRng("coco");
  const file = createWriteStream(path);
  let pending = "";
  const write = async (text: string) => {
    pending += text;
    if (pending.length < 1 << 20) return;
    if (!file.write(pending)) await once(file, "drain");
    pending = "";
  };
  const list = async (key: string, count: number, element: (i: number) => object) => {
    await write(`"${key}": [`);
    for (let i = 0; i < count; i++) await write((i > 0 ? ", " : "") + JSON.stringify(element(i)).replaceAll(",", ", "));
    await write("]");
  };
  await write('{"info": {"description": "COCO 2017 Dataset", "year": 2017}, "licenses": [], ');
  await list("images", images, imageOf);
  await write(", ");
  await list("annotations", annotations, (i) => {
    const category = 1 + Math.floor((i / annotations) * CATEGORIES);
    return annotationOf(i + 1, 1 + Math.floor(rng.next() * images), category, rng);
  });
  await write(", ");
  await list("categories", CATEGORIES, (i) => ({ supercategory: "thing", id: i + 1, name: `category ${i + 1}` }));
  file.end(`${pending}}`);
  await finished(file);
}

function imageOf(i: number): object {
  const name = String(i + 1).padStart(12, "0");
  return {
    license: 3,
    file_name: `${name}.jpg`,
    coco_url: `http://images.cocodataset.org/train2017/${name}.jpg`,
    height: HEIGHT,
    width: WIDTH,
    date_captured: "2013-11-14 17:02:52",
    flickr_url: "http://farm9.staticflickr.com/8186/8119368305_4e622c8349_z.jpg",
    id: i + 1,
  };
}

function annotationOf(id: number, image_id: number, category_id: number, rng: Rng): object {
  const [x, y] = [rng.next() * 400, rng.next() * 300].map(hundredths) as [number, number];
  const [w, h] = [10 + rng.next() * 200, 10 + rng.next() * 150].map(hundredths) as [number, number];
  const crowd = rng.next() < 1 / 86;
  const segmentation = crowd ? { counts: runs(rng), size: [HEIGHT, WIDTH] } : [outline(x, y, w, h, rng)];
  return { segmentation, area: (w * h) / 2, iscrowd: Number(crowd), image_id, bbox: [x, y, w, h], category_id, id };
}

/** 6 to 46 corners around the box's ellipse. */
function outline(x: number, y: number, w: number, h: number, rng: Rng): number[] {
  const corners = 6 + Math.floor(rng.next() * 41);
  return Array.from({ length: corners }, (_, k) => (2 * Math.PI * k) / corners).flatMap((angle) => [
    hundredths(x + (w * (1 + Math.cos(angle))) / 2),
    hundredths(y + (h * (1 + Math.sin(angle))) / 2),
  ]);
}

function runs(rng: Rng): number[] {
  const counts: number[] = [];
  let left = WIDTH * HEIGHT;
  while (counts.length < 300) {
    const run = 1 + Math.floor(rng.next() * 400);
    counts.push(run);
    left -= run;
  }
  return [...counts, left];
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}
