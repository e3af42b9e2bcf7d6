/** The checkpoint in models/nano is what its card says: small, complete, repeatable, and it answers every task. */
import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readCheckpoint } from "../src/checkpoints/folder.js";
import { load, type Perceiver } from "../src/inference/index.js";

const repository = resolve(import.meta.dirname, "..");
const dir = join(repository, "models/nano");
const cat = join(repository, "examples/cat.jpg");
let model: Perceiver;

beforeAll(async () => {
  model = await load(dir);
});
afterAll(() => model.close());

test("at most 12 million parameters, 30 MB, 96 to 128 pixels", async () => {
  const { unet, textEncoder, defaults } = await readCheckpoint(dir);
  const count = [unet, textEncoder]
    .flatMap(({ weights }) => [...weights.entries.values()])
    .reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);
  expect(count).toBeLessThanOrEqual(12e6);
  const files = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(30e6);
  expect(defaults.resolution).toBeGreaterThanOrEqual(96);
  expect(defaults.resolution).toBeLessThanOrEqual(128);
  expect(defaults).toMatchObject({ steps: 1, tasks: ["segmentation", "detection", "depth", "classification"] });
});

test.each([
  ["Segment the cat", "segmentation", "cat"],
  ["where is the cat?", "detection", "cat"],
  ["how far away is everything", "depth", null],
  ["Is there a cat?", "classification", "cat"],
])("%s: the same answer twice, in the photo's own size", async (instruction, task, category) => {
  const first = await model.perceive(cat, instruction, { seed: 5 });
  expect(first).toMatchObject({ task, category, steps: 1, seed: 5, size: { width: 224, height: 224 } });
  expect(first.admissibility).toBeGreaterThan(0);
  const { timings: _, ...again } = await model.perceive(cat, instruction, { seed: 5 });
  const { timings: __, ...once } = first;
  expect(again).toEqual(once);
});

test.each([2, 4])("%i steps draw a mask too: a grey picture", async (steps) => {
  const { admissibility, steps: taken, task } = await model.perceive(cat, "Segment the cat", { steps });
  expect({ taken, task }).toEqual({ taken: steps, task: "segmentation" });
  expect(admissibility).toBeGreaterThan(0.8);
});

test("the cat's mask lies on the cat, more than the whole frame does", async () => {
  const seen = await model.perceive(cat, "Segment the cat");
  if (seen.task !== "segmentation") throw new Error(seen.task);
  // The cat of this photo fills its middle: right of the left eighth, below the top eighth.
  const inside = (i: number) => i % 224 >= 28 && Math.floor(i / 224) >= 28;
  const hits = seen.mask.reduce((sum, value, i) => sum + (value && inside(i) ? 1 : 0), 0);
  expect(seen.area).toBeGreaterThan(0.1 * 224 * 224);
  expect(hits / seen.area).toBeGreaterThan(0.8);
});
