/** The public face: a checkpoint behind a worker thread, asked in sentences. */
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { writeTinyCheckpoint } from "../../tests/helpers/tiny-checkpoint.js";
import { encodePng } from "../image/io.js";
import type { Picture } from "../image/picture.js";
import { createRng } from "../random.js";
import { load, perceive } from "./index.js";

const root = await mkdtemp(join(tmpdir(), "instructcv-perceiver-"));
const dir = join(root, "tiny");
await writeTinyCheckpoint(dir, { resolution: 32 });
const model = await load(dir, { threads: 1 });
afterAll(async () => {
  await model.close();
  await rm(root, { recursive: true });
});

const rng = createRng(1);
const photo: Picture = { width: 40, height: 30, data: Uint8Array.from({ length: 3600 }, () => rng.int(256)) };
const file = join(root, "photo.png");
await writeFile(file, await encodePng(photo));

describe("typed results at the photo's size", () => {
  test("segmentation", async () => {
    const result = await model.perceive(file, "Segment the cat");
    if (result.task !== "segmentation") throw new Error(result.task);
    expect(result.mask.length).toBe(1200);
    expect(result.probability.length).toBe(1200);
    expect(result).toMatchObject({ category: "cat", instruction: "Segment the cat", model: "tiny", seed: 0, steps: 1 });
    expect(result.size).toEqual({ width: 40, height: 30 });
    expect(result.rle.size).toEqual([30, 40]);
    expect(result.picture).toMatchObject({ width: 32, height: 32 });
    expect(result.picture.data.length).toBe(32 * 32 * 3);
    const { read, encode, denoise, decode, total } = result.timings;
    expect(total).toBeGreaterThanOrEqual(read + encode + denoise + decode - 1);
    expect(Math.min(read, encode, denoise, decode)).toBeGreaterThan(0);
    expect(result.admissibility).toBeGreaterThanOrEqual(0);
  });

  test("detection, depth, classification", async () => {
    const detection = await model.perceive(photo, "Detect the dog");
    expect(detection).toMatchObject({ task: "detection", category: "dog", boxes: expect.any(Array) });
    const depth = await model.perceive(photo, "Estimate the depth of this image");
    if (depth.task !== "depth") throw new Error(depth.task);
    expect(depth.category).toBeNull();
    expect(depth.metres.length).toBe(1200);
    const shown = await model.perceive(photo, "Show red if the picture has a pug, otherwise show blue");
    expect(shown).toMatchObject({ task: "classification", category: "pug", present: expect.any(Boolean) });
  });
});

test("path, bytes and pixels are one photo; same seed, same bits; the caller's arrays stay", async () => {
  const { timings, ...fromPath } = await model.perceive(file, "Segment the cat", { seed: 5, steps: 2 });
  const bytes = new Uint8Array(await encodePng(photo));
  for (const source of [bytes, photo]) {
    const { timings, ...same } = await model.perceive(source, "Segment the cat", { seed: 5, steps: 2 });
    expect(same).toEqual(fromPath);
  }
  expect(bytes.length).toBeGreaterThan(0);
  expect(photo.data.length).toBe(3600);
  const other = await model.perceive(file, "Segment the cat", { seed: 6, steps: 2 });
  expect(other.picture.data).not.toEqual(fromPath.picture.data);
});

test("averaged with its mirror image, a photo and its mirror image get mirrored drawings", async () => {
  const side = 32;
  const square: Picture = { width: side, height: side, data: photo.data.slice(0, side * side * 3) };
  const mirrorOf = ({ width, height, data }: Picture): Picture => {
    const pixel = (p: number) => 3 * (p - (p % width) + width - 1 - (p % width));
    return { width, height, data: data.map((_, i) => data[pixel(Math.floor(i / 3)) + (i % 3)]!) };
  };
  const draw = async (image: Picture, mirror: boolean) =>
    (await model.perceive(image, "Segment the cat", { mirror, steps: 2, seed: 3 })).picture;
  const [once, both, other] = [await draw(square, false), await draw(square, true), await draw(mirrorOf(square), true)];
  expect(other).toEqual(mirrorOf(both));
  expect(both.data).not.toEqual(once.data);
  const plain = mirrorOf(await draw(mirrorOf(square), false));
  const clipped = (value: number) => value === 0 || value === 255;
  const compared = [...both.data.keys()].filter((i) => !clipped(once.data[i]!) && !clipped(plain.data[i]!));
  expect(compared.length).toBeGreaterThan(side * side);
  for (const i of compared)
    expect(Math.abs(both.data[i]! - (once.data[i]! + plain.data[i]!) / 2)).toBeLessThanOrEqual(1);
  const steps: number[] = [];
  await model.perceive(square, "Segment the cat", { mirror: true, steps: 2, onStep: ({ step }) => steps.push(step) });
  expect(steps).toEqual([1, 2, 3, 4]);
});

test("restated, all wordings of a question get one answer, which is that of the template", async () => {
  const draw = async (text: string, restate?: boolean) => (await model.perceive(photo, text, { restate })).picture;
  const template = await draw("Segment the cat");
  expect(await draw("Please cut out those cats for me", true)).toEqual(template);
  expect(await draw("Please cut out those cats for me", false)).not.toEqual(template);
  expect(await draw("Please cut out those cats for me")).toEqual(await draw("Please cut out those cats for me", false));
});

test("concurrent requests are answered in order", async () => {
  const order: string[] = [];
  const ask = (text: string) => model.perceive(photo, text).then(({ category }) => order.push(category!));
  await Promise.all([ask("Segment the cat"), ask("Segment the dog"), ask("Segment the cow")]);
  expect(order).toEqual(["cat", "dog", "cow"]);
});

test("the event loop stays free during one long evaluation of the network", async () => {
  const large = join(root, "large");
  await writeTinyCheckpoint(large, { resolution: 256, unet: { block_out_channels: [64, 128] } });
  const slow = await load(large, { threads: 1 });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  const { timings } = await slow.perceive(photo, "Segment the cat");
  clearInterval(timer);
  await slow.close();
  expect(timings.denoise).toBeGreaterThan(50);
  // Other work on the machine delays ticks too: a fifth of the possible ones proves the point.
  expect(ticks).toBeGreaterThan(timings.denoise / 25);
});

test("progress, then abort: rejects with the signal's reason and leaves the model usable", async () => {
  const controller = new AbortController();
  const seen: number[] = [];
  const onStep = ({ step, steps }: { step: number; steps: number }) => {
    expect(steps).toBe(200);
    seen.push(step);
    if (step === 3) controller.abort(new Error("enough"));
  };
  const aborted = model.perceive(photo, "Segment the cat", { steps: 200, signal: controller.signal, onStep });
  await expect(aborted).rejects.toThrow("enough");
  const start = performance.now();
  expect(await model.perceive(photo, "Segment the cat")).toMatchObject({ task: "segmentation" });
  expect(performance.now() - start).toBeLessThan(5000);
  expect(seen.slice(0, 3)).toEqual([1, 2, 3]);
  expect(seen.length).toBeLessThan(200);
  await expect(model.perceive(photo, "Segment the cat", { signal: AbortSignal.abort("early") })).rejects.toBe("early");
  const failing = () => {
    throw new Error("mine");
  };
  await expect(model.perceive(photo, "Segment the cat", { steps: 50, onStep: failing })).rejects.toThrow("mine");
  await expect(model.perceive(failing as never, "Segment the cat")).rejects.toThrow(/could not be cloned/);
});

describe("errors keep their class and code across threads", () => {
  const bad: [string, () => Promise<unknown>, string, RegExp][] = [
    ["no vision task", () => model.perceive(photo, "Tell me a joke"), "instruction", /./],
    ["empty instruction", () => model.perceive(photo, ""), "instruction", /./],
    ["missing photo", () => model.perceive(join(root, "none.jpg"), "Segment the cat"), "image", /none\.jpg/],
    ["no picture", () => model.perceive(new Uint8Array(9), "Segment the cat"), "image", /./],
    [
      "pixels missing",
      () => model.perceive({ ...photo, width: 41 }, "Segment the cat"),
      "image",
      /3600 bytes for 41x30/,
    ],
    ["no steps", () => model.perceive(photo, "Segment the cat", { steps: 0 }), "usage", /steps/],
    ["seed not a number", () => model.perceive(photo, "Segment the cat", { seed: Number.NaN }), "usage", /seed/],
    ["no folder", () => load(join(root, "nowhere")), "checkpoint", /nowhere: does not exist/],
    ["no threads", () => load(dir, { threads: 0 }), "usage", /threads/],
  ];
  test.each(bad)("%s", async (_, act, code, message) => {
    const error = await act().catch((e: unknown) => e);
    expect(error).toMatchObject({ name: "InstructCvError", code });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain("\n");
  });

  test("a task the checkpoint was not trained for", async () => {
    const depthOnly = join(root, "depth-only");
    await writeTinyCheckpoint(depthOnly, { defaults: { tasks: ["depth"] } });
    const question = perceive(photo, "Segment the cat", { model: depthOnly });
    await expect(question).rejects.toMatchObject({
      code: "instruction",
      message: /depth-only does depth, not segmentation/,
    });
  });
});

test("one call loads, remembers the model, and recovers once a damaged checkpoint is repaired", async () => {
  const other = join(root, "other");
  await writeTinyCheckpoint(other);
  await truncate(join(other, "unet/diffusion_pytorch_model.safetensors"), 100);
  const ask = () => perceive(photo, "Segment the cat", { model: other, threads: 1 });
  await expect(ask()).rejects.toMatchObject({ code: "checkpoint", message: /unet\/diffusion_pytorch_model/ });
  await writeTinyCheckpoint(other);
  const { timings, ...first } = await ask();
  const { timings: again, ...second } = await ask();
  expect(second).toEqual(first);
});

test("closing answers what was asked before and refuses what comes after", async () => {
  const closing = await load(dir, { threads: 1 });
  const asked = closing.perceive(photo, "Segment the cat");
  const closed = closing.close();
  await expect(closing.perceive(photo, "Segment the cat")).rejects.toMatchObject({ code: "usage", message: /closed/ });
  expect(await asked).toMatchObject({ task: "segmentation" });
  await closed;
  await closing.close();
});
