import { beforeAll, expect, test } from "vitest";
import { tinyConfig, tinyStore } from "../../tests/helpers/tiny-training.js";
import { createRng } from "../random.js";
import { augment, createLoader, plain } from "./batch.js";
import type { TrainConfig } from "./config.js";

const store = tinyStore();
const tokenizer = { encode: (text: string) => Array.from({ length: 4 }, (_, i) => text.charCodeAt(i)) };
const of = (task: string, negative = false) =>
  store.samples.find(({ record }) => record.task === task && record.negative === negative)!;
let config: TrainConfig;
beforeAll(async () => {
  config = await tinyConfig();
});

test("a batch depends on the seed and the step only", () => {
  const first = createLoader(store, config, tokenizer);
  const later = createLoader(store, config, tokenizer).batch(7);
  for (let step = 0; step < 7; step++) first.batch(step);
  expect(first.batch(7)).toEqual(later);
  expect(first.batch(8)).not.toEqual(later);
  expect(createLoader(store, { ...config, seed: 2 }, tokenizer).batch(7)).not.toEqual(later);
});

test("arrays have the shapes of the step, pixels are in -1..1", () => {
  const batch = createLoader(store, config, tokenizer).batch(0);
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
