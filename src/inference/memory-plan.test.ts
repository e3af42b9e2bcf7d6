/** What a model will take is told from its headers, and follows its size, precision and the drawing's size. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type TinyOptions, tinyAutoencoder, writeTinyCheckpoint } from "../../tests/helpers/tiny-checkpoint.js";
import { readCheckpoint } from "../checkpoints/folder.js";
import { planMemory } from "./index.js";

const root = await mkdtemp(join(tmpdir(), "instructcv-plan-"));
afterAll(() => rm(root, { recursive: true }));

test("the shipped model: a fifth of a gigabyte, 1.2 GFLOP an evaluation", async () => {
  const plan = await planMemory();
  expect(plan.drawing).toEqual({ width: 96, height: 96 });
  expect(plan.anonymous).toBeGreaterThan(150e6);
  expect(plan.anonymous).toBeLessThan(300e6);
  expect(plan.work.denoiser).toBeGreaterThan(5e8);
  expect(plan.work.denoiser).toBeLessThan(7e8);
});

test("weights are counted once, half-precision ones at their widened size; larger drawings take more; tiles bound the autoencoder", async () => {
  const [full, half] = [join(root, "full"), join(root, "half")];
  const options: TinyOptions = { resolution: 64, ...tinyAutoencoder(4), defaults: { fit: "crop" } };
  await writeTinyCheckpoint(full, options);
  await writeTinyCheckpoint(half, { ...options, dtype: "F16" });
  const plan = await planMemory(full);
  const folder = await readCheckpoint(full);
  const bytes = [folder.unet, folder.textEncoder, folder.vae].flatMap(({ weights }) =>
    [...weights!.entries.values()].map(({ start, end }) => end - start),
  );
  const weights = bytes.reduce((a, b) => a + b, 0);
  // Constants of the graphs come on top, weights that inference does not use are missing.
  expect(plan.mapped + plan.copied).toBeGreaterThan(0.9 * weights);
  expect(plan.mapped + plan.copied).toBeLessThan(1.1 * weights);
  const widened = await planMemory(half);
  expect(widened.mapped + widened.copied).toBeGreaterThan(0.95 * (plan.mapped + plan.copied));

  const large = await planMemory(full, { resolution: 512, photo: { width: 640, height: 480 } });
  expect(large.drawing).toEqual({ width: 512, height: 384 });
  expect(large.activations).toBeGreaterThan(20 * plan.activations);
  expect(large.work.decoder / plan.work.decoder).toBeGreaterThan((512 * 384) / 64 ** 2);
  const huge = await planMemory(full, { resolution: 2048 });
  expect(huge.work.encoder).toBe((await planMemory(full, { resolution: 512 })).work.encoder);
});
