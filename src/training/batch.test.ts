import { beforeAll, expect, test } from "vitest";
import { augment } from "../../tests/helpers/augment.js";
import { tinyConfig, tinySize, tinyStore } from "../../tests/helpers/tiny-training.js";
import { createRng } from "../random.js";
import { collate, createLoader } from "./batch.js";
import type { TrainConfig } from "./config.js";
import { plain } from "./example.js";
import type { Sample } from "./store.js";

const store = tinyStore();
const tokenizer = { encode: (text: string) => Array.from({ length: 4 }, (_, i) => text.charCodeAt(i)) };
const of = (task: string, negative = false) =>
  store.samples.find(({ record }) => record.task === task && record.negative === negative)!;
let config: TrainConfig;
beforeAll(async () => {
  config = await tinyConfig();
});

test("a batch depends on the seed and the step only", async () => {
  const first = createLoader(store, config, tokenizer);
  const later = await createLoader(store, config, tokenizer).batch(7);
  for (let step = 0; step < 7; step++) await first.batch(step);
  expect(await first.batch(7)).toEqual(later);
  expect(await first.batch(8)).not.toEqual(later);
  expect(await createLoader(store, { ...config, seed: 2 }, tokenizer).batch(7)).not.toEqual(later);
});

test("arrays have the shapes of the step, pixels are in -1..1", async () => {
  const batch = await createLoader(store, config, tokenizer).batch(0);
  expect(batch.image).toHaveLength(4 * 3 * 32 * 32);
  expect(batch.target).toHaveLength(4 * 3 * 32 * 32);
  expect(batch.pixelWeights).toHaveLength(4 * 32 * 32);
  expect(batch.ids).toHaveLength(4 * 4);
  expect(Math.min(...batch.image, ...batch.target)).toBeGreaterThanOrEqual(-1);
  expect(Math.max(...batch.image, ...batch.target)).toBeLessThanOrEqual(1);
});

test("photo and answer are cropped and mirrored together", () => {
  // The bright square is the category: its mask must follow it.
  for (let i = 0; i < 20; i++) {
    const { image, target } = augment(of("segmentation"), store.size, config, createRng(`together/${i}`));
    const mean = (inside: boolean) => {
      const values = [...image.data].filter((_, k) => target.data[k]! > 200 === inside);
      return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
    };
    if (target.data.some((value) => value > 200)) expect(mean(true)).toBeGreaterThan(mean(false) + 50);
  }
});

/** A segmentation record of the tiny store with another mask. */
const masked = (grey: (i: number) => number): Sample => {
  const sample = of("segmentation");
  return { ...sample, mask: Uint8Array.from({ length: tinySize ** 2 }, (_, i) => grey(i)) };
};

test("a mask's target has no grey but the unknown one, and only that has no weight", () => {
  const thirds = masked((i) => [0, 255, 128][Math.floor((i % tinySize) / 11)]!);
  const jittery = { ...config, data: { ...config.data, jitter: { brightness: 1, contrast: 1, saturation: 1 } } };
  for (let seed = 0; seed < 30; seed++) {
    const { target, pixelWeights } = augment(thirds, tinySize, jittery, createRng(`greys/${seed}`));
    const pairs = Array.from(target.data, (grey, i) => `${grey}: ${pixelWeights?.[Math.floor(i / 3)] ?? 1}`);
    for (const pair of new Set(pairs)) expect(["0: 1", "128: 0", "255: 1"]).toContain(pair);
    expect(augment(of("segmentation"), tinySize, config, createRng(`greys/${seed}`)).pixelWeights).toBeNull();
  }
});

test("a mask of nothing known has weight 0 everywhere, in a batch too", () => {
  const unknown = augment(
    masked(() => 128),
    tinySize,
    config,
    createRng("open"),
  );
  expect(new Set(unknown.pixelWeights)).toEqual(new Set([0]));
  const known = augment(of("segmentation"), tinySize, config, createRng("open"));
  const batch = collate([unknown, known], tokenizer);
  expect(batch.pixelWeights.subarray(0, tinySize ** 2).every((weight) => weight === 0)).toBe(true);
  expect(batch.pixelWeights.subarray(tinySize ** 2).every((weight) => weight === 1)).toBe(true);
});

test("jitter changes the photo and no answer that is not drawn on it", () => {
  const jitter = { brightness: 0.5, contrast: 0.5, saturation: 0.5 };
  for (const task of ["segmentation", "depth", "classification"]) {
    const jittered = (strength: typeof jitter) =>
      augment(
        of(task),
        tinySize,
        { ...config, data: { ...config.data, jitter: strength } },
        createRng(`jitter/${task}`),
      );
    const [plain, strong] = [jittered({ brightness: 0, contrast: 0, saturation: 0 }), jittered(jitter)];
    expect(strong.image.data).not.toEqual(plain.image.data);
    expect([strong.target, strong.pixelWeights]).toEqual([plain.target, plain.pixelWeights]);
  }
});

test("depth targets show measured distances only", () => {
  const noZoom = { ...config, data: { ...config.data, depth_zoom: false } };
  for (let seed = 0; seed < 20; seed++) {
    const { target } = augment(of("depth"), tinySize, noZoom, createRng(`edges/${seed}`));
    const distances = [1.5, 4].map((metres) => Math.round((metres / 10) * 255));
    for (const grey of new Set(target.data)) expect(distances).toContain(grey);
  }
});

test("a box that the crop drops is neither drawn nor taught as background", () => {
  const { record, photo } = of("detection");
  const crop = { scale: [0.25, 0.25], aspect: [1, 1] } as const;
  const quarters = {
    ...config,
    data: { ...config.data, crop: { ...config.data.crop, detection: crop } },
  } as TrainConfig;
  // 20 px wide: the crop of 16 px shows 4 to 16 of them, enlarged by 2.
  const sample: Sample = { record: { ...record, boxes: [[0, 4, 20, 24]] }, photo };
  let dropped = 0;
  for (let seed = 0; seed < 60; seed++) {
    const { image, target, pixelWeights } = augment(sample, tinySize, quarters, createRng(`dropped/${seed}`));
    const silent = pixelWeights!.filter((weight) => weight === 0).length;
    const drawn = target.data.some((value, i) => value !== image.data[i]);
    expect(silent > 0).toBe(!drawn);
    if (drawn) continue;
    dropped++;
    expect(silent).toBeLessThan((20 * 20 * 2 * 2) / 4);
    expect(pixelWeights!.filter((weight) => weight === config.loss.detection_pixels.copy).length).toBe(1024 - silent);
  }
  expect(dropped).toBeGreaterThan(3);
});

test("an outline over a dropped box keeps its weight", () => {
  const { record, photo } = of("detection");
  const sample: Sample = {
    record: {
      ...record,
      boxes: [
        [4, 4, 28, 28],
        [2, 10, 30, 13],
      ],
    },
    photo,
  };
  const { target, pixelWeights } = plain(sample, tinySize, config);
  const { outline, copy } = config.loss.detection_pixels;
  const at = (x: number, y: number) => pixelWeights![y * tinySize + x];
  expect([at(2, 11), at(15, 11), at(29, 12)]).toEqual([0, 0, 0]);
  expect([at(5, 11), at(26, 12)]).toEqual([outline, outline]);
  expect([at(0, 0), at(15, 14)]).toEqual([copy, copy]);
  expect([...target.data.subarray((11 * tinySize + 5) * 3, (11 * tinySize + 5) * 3 + 3)]).toEqual([0, 0, 255]);
});

test("detection shows the jittered photo outside the outlines, and weighs them", () => {
  const { image, target, pixelWeights } = augment(of("detection"), store.size, config, createRng("outline"));
  const outline = [...pixelWeights!.keys()].filter((p) => pixelWeights![p] === 4);
  expect(outline.length).toBeGreaterThan(20);
  for (let p = 0; p < 32 * 32; p++) {
    const pixel = [...target.data.subarray(p * 3, p * 3 + 3)];
    expect(pixel).toEqual(outline.includes(p) ? [0, 0, 255] : [...image.data.subarray(p * 3, p * 3 + 3)]);
  }
});

test("an absent category draws nothing", () => {
  expect(new Set(plain(of("segmentation", true), store.size, config).target.data)).toEqual(new Set([0]));
  const { image, target } = plain(of("detection", true), store.size, config);
  expect(target.data).toEqual(image.data);
});

test("a depth crop that magnifies brings the scene nearer", () => {
  const close = {
    ...config,
    data: { ...config.data, crop: { ...config.data.crop, depth: { scale: [0.25, 0.25], aspect: [1, 1] } } },
  };
  const whole = new Set(plain(of("depth"), store.size, config).target.data);
  const zoomed = augment(of("depth"), store.size, close as TrainConfig, createRng("zoom")).target.data;
  expect(Math.max(...zoomed)).toBeCloseTo(Math.max(...whole) / 2, -0.5);
});

test("a depth is drawn in the greys of the recipe", () => {
  const { inference } = config.model;
  const log: TrainConfig = { ...config, model: { ...config.model, inference: { ...inference, depth_grey: "log" } } };
  // 1.5 m and 4 m of the range 0.5 to 10 m.
  const greys = [1.5, 4].map((metres) => Math.round((255 * Math.log(metres / 0.5)) / Math.log(20)));
  expect(new Set(plain(of("depth"), store.size, log).target.data)).toEqual(new Set(greys));
});
