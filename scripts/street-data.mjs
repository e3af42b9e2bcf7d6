/**
 * Writes a set of one's own data of two categories that models/nano was not trained on, road and tree, from CamVid: photos of streets
 * and of rooms (NYUv2) that show neither, as docs/training.md uses them.
 *   node scripts/street-data.mjs ../shared/data street-data
 * train.jsonl: 32 photos of two drives and 16 rooms; test.jsonl: 101 photos of another drive and 32 rooms of the test split.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { decode, encode } from "fast-png";

const [data, out] = process.argv.slice(2);
if (!out) throw new Error("usage: node scripts/street-data.mjs FOLDER_OF_DATASETS OUT");
/** CamVid's numbers; 11 is unlabelled. */
const categories = { road: 3, tree: 5 };
const unlabelled = 11;
/** Less than this share of the photo is too small to see. */
const least = 0.005;

mkdirSync(join(out, "images"), { recursive: true });
mkdirSync(join(out, "masks"), { recursive: true });

/** Evenly over a list. */
const every = (list, count) => Array.from({ length: count }, (_, i) => list[Math.floor((i * list.length) / count)]);
const street = (split) => readdirSync(join(data, "camvid", split)).sort();
const rooms = (list, count) =>
  every(
    readFileSync(join(data, "nyuv2", list), "utf8")
      .trim()
      .split("\n"),
    count,
  );

function linesOfStreet(split, file) {
  const image = `images/${file}`;
  copyFileSync(join(data, "camvid", split, file), join(out, image));
  const labels = decode(readFileSync(join(data, "camvid", `${split}annot`, file.replace(/\.\w+$/, ".png"))));
  return Object.entries(categories).flatMap(([category, number]) => {
    const area = labels.data.filter((label) => label === number).length / labels.data.length;
    if (area > 0 && area < least) return [];
    const present = { image, task: "classification", category, label: area > 0 };
    if (area === 0) return [present, { image, task: "segmentation", category, label: null }];
    const mask = `masks/${basename(file, ".jpg")}-${category}.png`;
    const pixels = labels.data.map((label) => (label === number ? 255 : label === unlabelled ? 1 : 0));
    const { width, height } = labels;
    writeFileSync(join(out, mask), encode({ width, height, channels: 1, depth: 8, data: unknownAs(pixels) }));
    return [present, { image, task: "segmentation", category, label: mask }];
  });
}

/** In a mask file of one channel 255 is unknown beside 1 for the category (examples/own-data/README.md). */
const unknownAs = (pixels) => pixels.map((pixel) => (pixel === 255 ? 1 : pixel === 1 ? 255 : 0));

function linesOfRoom(name) {
  const file = `${name}.jpg`;
  const image = `images/room-${file}`;
  copyFileSync(join(data, "nyuv2", "nyu_images", file), join(out, image));
  return Object.keys(categories).flatMap((category) => [
    { image, task: "classification", category, label: false },
    { image, task: "segmentation", category, label: null },
  ]);
}

const write = (name, lines) =>
  writeFileSync(join(out, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
const twoDrives = every(
  street("train").filter((file) => !file.startsWith("0016E5")),
  32,
);
write("train.jsonl", [
  ...twoDrives.flatMap((file) => linesOfStreet("train", file)),
  ...rooms("train.txt", 16).flatMap(linesOfRoom),
]);
write("test.jsonl", [
  ...street("val").flatMap((file) => linesOfStreet("val", file)),
  ...rooms("dev.txt", 32).flatMap(linesOfRoom),
]);
