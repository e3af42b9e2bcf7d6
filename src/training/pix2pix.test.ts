/** Twenty updates give what diffusers' InstructPix2Pix training script gives (scripts/oracles/training_instruct_pix2pix.py). */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pix2pixCases, pix2pixGaps, writePix2PixStart } from "../../tests/helpers/pix2pix-training.js";

const goldens = resolve(import.meta.dirname, "../../tests/goldens/training-pix2pix");
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "instructcv-pix2pix-"));
  await writePix2PixStart(join(folder, "start"));
});
afterAll(() => rm(folder, { recursive: true }));

test.each(pix2pixCases)("training (%s) repeats diffusers' script to 1e-5", async (which) => {
  const { loss, gradNorm, weight, average } = await pix2pixGaps(join(folder, "start"), which, goldens);
  expect(loss).toBeLessThan(1e-5);
  expect(gradNorm).toBeLessThan(1e-5);
  expect(weight).toBeLessThan(1e-5);
  // Another rule of the average would be off by 1e-5.
  expect(average).toBeLessThan(4e-6);
});
