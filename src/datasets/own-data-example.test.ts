/** The worked example in examples/own-data: ten samples a task, every label and ready picture reads, and they agree with each other. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { isValidationPhoto } from "../corpus/plan.js";
import type { Xyxy } from "../image/picture.js";
import { parseInstruction } from "../instructions/parse.js";
import { defaultColours } from "../tasks/colours.js";
import { overlap } from "../tasks/outlines/edges.js";
import { taskNames } from "../tasks/registry.js";
import { readYaml } from "../yaml.js";
import { ownData } from "./own-data.js";
import { type LabelledPhoto, photosOf } from "./sample.js";

const root = resolve("examples/own-data");
const photos: LabelledPhoto[] = [];
const photo = (name: string) => photos.find(({ path }) => path.endsWith(`${name}.jpg`))!;

beforeAll(async () => {
  const place = { name: "example", root, split: "manifest", options: { box_outline: null } };
  for await (const read of photosOf(ownData, place)) photos.push(read);
});

it("has ten samples a task, present and absent ones, in 20 photos", () => {
  const asked = photos.flatMap((read) => read.asked!);
  for (const task of taskNames) {
    const own = asked.filter((question) => question.task === task);
    expect(own).toHaveLength(10);
    expect(own.filter(({ negative }) => negative)).toHaveLength(
      task === "depth" ? 0 : task === "classification" ? 4 : 2,
    );
  }
  expect(photos).toHaveLength(20);
  expect(photos.map(({ id }) => id)).toContain("example/first-room");
});

it("has all tasks in training and in validation, as configs/own-data.yaml deals them", async () => {
  const config = await readYaml("configs/own-data.yaml", { cure: "" });
  expect(config).toMatchObject({
    data: "examples/own-data",
    datasets: [{ name: "example", reader: "manifest", folder: ".", split: "manifest" }],
    val_share: 0.2,
  });
  for (const val of [true, false]) {
    const side = photos.filter(({ id }) => isValidationPhoto(id, 0.2) === val);
    expect(new Set(side.flatMap((read) => read.asked!.map(({ task }) => task))).size).toBe(4);
  }
});

it("is small, and every file in it is used", async () => {
  const files = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(1.5e6);
  const manifest = await readFile(join(root, "manifest.jsonl"), "utf8");
  const unused = files.map(({ name }) => name).filter((name) => /\.(jpg|png)$/.test(name) && !manifest.includes(name));
  expect(unused).toEqual([]);
});

it("has masks that fill their boxes", async () => {
  let compared = 0;
  for (const read of photos) {
    const { width, height } = await read.image();
    const boxes = (await read.boxes?.()) ?? [];
    for (const { category, xyxy } of boxes) {
      expect(xyxy[2]).toBeLessThanOrEqual(width);
      expect(xyxy[3]).toBeLessThanOrEqual(height);
      const mask = (await read.masks!()).get(category);
      if (!mask) continue;
      expect(mask).toHaveLength(width * height);
      expect(overlap(frameOf(mask, width), xyxy)).toBeGreaterThan(0.95);
      compared++;
    }
  }
  expect(compared).toBe(6);
});

it("has each form of a mask and of a depth map", async () => {
  const masks = await Promise.all(photos.map(async (read) => [...((await read.masks?.())?.values() ?? [])]));
  const shares = masks.flat().map((mask) => mask.reduce((sum, value) => sum + (value === 1 ? 1 : 0), 0) / mask.length);
  expect(shares.filter((share) => share === 0)).toHaveLength(2);
  expect(shares.filter((share) => share > 0.05 && share < 0.6)).toHaveLength(8);
  expect((await photo("birman-99").masks!()).get("cat")).toContain(255);
  const nearest = [2.0, 2.07, 1.95, 2.48, 1.94, 2.45, 2.25, 1.59, 2.11, 2.51];
  const farthest = [5.52, 5.53, 5.09, 6.46, 6.76, 5.17, 4.09, 4.64, 6.16, 4.25];
  for (const [i, near] of nearest.entries()) {
    const room = photo(`room-${String(i + 1).padStart(2, "0")}`);
    const metres = [...(await room.depth!())].sort((a, b) => a - b);
    expect(metres).toHaveLength(224 * 168);
    // The ready picture of the last room is small: its edges are blurred.
    const tolerance = i === 9 ? 0.1 : i === 7 ? 10 / 255 : 0.006;
    expect(Math.abs(metres[0]! - near)).toBeLessThan(tolerance);
    expect(Math.abs(metres.at(-1)! - farthest[i]!)).toBeLessThan(tolerance);
  }
});

it("has boxes in a ready picture where they were drawn", async () => {
  const [box] = await photo("beagle-66").boxes!();
  expect(overlap(box!.xyxy, [46, 33, 167, 208])).toBeGreaterThan(0.98);
});

it("has sentences that ask what their line says", () => {
  const worded = photos.flatMap((read) => read.asked!).filter(({ instruction }) => instruction !== undefined);
  expect(worded).toHaveLength(4);
  for (const { instruction, task, category, colours } of worded) {
    const parsed = parseInstruction(instruction!);
    expect([parsed.task, parsed.slots.category]).toEqual([task, category]);
    if (task === "classification") expect(parsed.slots).toMatchObject(colours ?? defaultColours);
  }
});

function frameOf(mask: Uint8Array, width: number): Xyxy {
  let [x1, y1, x2, y2] = [width, mask.length / width, 0, 0];
  for (const [i, value] of mask.entries()) {
    if (value === 0) continue;
    const [x, y] = [i % width, Math.floor(i / width)];
    [x1, y1, x2, y2] = [Math.min(x1, x), Math.min(y1, y), Math.max(x2, x + 1), Math.max(y2, y + 1)];
  }
  return [x1, y1, x2, y2];
}
