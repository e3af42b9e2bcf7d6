/** A hundred models opened, used and closed leave nothing behind: no mapped weights, no threads, no growing memory. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { load } from "../src/inference/index.js";
import { LoadedModel } from "../src/inference/model.js";
import { writeTinyCheckpoint } from "./helpers/tiny-checkpoint.js";

const dir = await mkdtemp(join(tmpdir(), "instructcv-leak-"));
await writeTinyCheckpoint(dir, { unet: { block_out_channels: [32, 64] } });
afterAll(() => rm(dir, { recursive: true }));

const photo = { width: 16, height: 16, data: new Uint8Array(768) };

/** Of this process. */
async function held() {
  const maps = await readFile("/proc/self/maps", "utf8");
  return {
    mappings: maps.split("\n").filter((line) => line.includes(dir)).length,
    threads: (await readdir("/proc/self/task")).length,
    files: (await readdir("/proc/self/fd")).length,
    megabytes: process.memoryUsage().rss / 2 ** 20,
  };
}

function expectNoMore(after: Awaited<ReturnType<typeof held>>, before: typeof after): void {
  expect(after.mappings).toBe(0);
  expect(after.threads).toBeLessThanOrEqual(before.threads);
  expect(after.files).toBeLessThanOrEqual(before.files);
  // Leaked models would be many times their weights of a megabyte, leaked sessions more.
  expect(after.megabytes - before.megabytes).toBeLessThan(40);
}

test("100 times in this thread, with every kind of session", async () => {
  const cycle = async () => {
    const model = await LoadedModel.open(dir, { threads: 2 });
    const guidance = { text: 7.5, image: 1.5 };
    await model.draw(photo, "Segment the cat", { steps: 2, seed: 0, guidance, sampler: "ddim" });
    await model.close();
  };
  for (let i = 0; i < 40; i++) await cycle();
  const before = await held();
  for (let i = 0; i < 60; i++) await cycle();
  expectNoMore(await held(), before);
}, 60_000);

test("20 times in a worker of its own", async () => {
  const cycle = async () => {
    const model = await load(dir, { threads: 2 });
    await model.perceive(photo, "Segment the cat");
    await model.close();
  };
  for (let i = 0; i < 5; i++) await cycle();
  const before = await held();
  for (let i = 0; i < 15; i++) await cycle();
  expectNoMore(await held(), before);
}, 60_000);
