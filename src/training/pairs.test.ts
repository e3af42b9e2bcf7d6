import { beforeAll, expect, test } from "vitest";
import { augment } from "../../tests/helpers/augment.js";
import { tinyConfig, tinySize, tinyStore } from "../../tests/helpers/tiny-training.js";
import { createRng } from "../random.js";
import { slotColours } from "../tasks/colours.js";
import { UNKNOWN_GREY } from "../tasks/segmentation.js";
import type { TaskName } from "../tasks/task.js";
import { createLoader } from "./batch.js";
import type { TrainConfig } from "./config.js";
import { createPairing, forPlace, type Partner, splitFrame } from "./pairs.js";
import { collectPresence } from "./presence.js";
import { groupSamples, type Sample } from "./store.js";
import { unknownOf } from "./views.js";

const store = tinyStore();
const presence = collectPresence(store);
const drawPartner = createPairing(store);
const of = (task: TaskName, negative = false) =>
  store.samples.find(({ record }) => record.task === task && record.negative === negative)!;
let config: TrainConfig;
beforeAll(async () => {
  config = await tinyConfig();
  config.data.crop = { segmentation: null, detection: null, depth: null, classification: null };
});

test("a partner shows the category with its label, or is known not to show it", () => {
  const rng = createRng("partner");
  const sample = of("segmentation");
  const { category } = sample.record.slots;
  const partners = Array.from({ length: 400 }, () => drawPartner(sample, rng)!);
  expect(partners.filter(({ labelled }) => labelled).length / 400).toBeCloseTo(0.25, 1);
  for (const { sample: other, labelled } of partners) {
    if (labelled) expect(other.record).toMatchObject({ task: "segmentation", negative: false, slots: { category } });
    else expect(presence.has(other.record.photo, category!)).toBe(false);
  }
  const none = Array.from({ length: 50 }, () => drawPartner(of("classification", true), rng)!);
  expect(none.some(({ labelled }) => labelled)).toBe(false);
  expect(drawPartner(of("depth"), rng)).toBeNull();
});

test("two places fill the frame", () => {
  const rng = createRng("split");
  for (let i = 0; i < 100; i++) {
    const places = splitFrame(96, rng);
    const covered = new Uint8Array(96 * 96);
    for (const [left, top, right, bottom] of places) {
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) covered[y * 96 + x]!++;
    }
    expect(covered.every((times) => times === 1)).toBe(true);
    for (const [left, top, right, bottom] of places) {
      const share = ((right - left) * (bottom - top)) / 96 ** 2;
      expect(share).toBeGreaterThan(0.34);
      expect(share).toBeLessThan(0.66);
    }
  }
  expect(forPlace({ scale: [0.5, 1], aspect: [0.8, 1.25] }, [0, 0, 24, 96])).toEqual({
    scale: [0.5, 1],
    aspect: [0.4, 0.625],
  });
});

test("the answer lies in the places of the photos that show the category", () => {
  let outlined = 0;
  for (const labelled of [false, true]) {
    for (let seed = 0; seed < 12; seed++) {
      const partner = (task: TaskName): Partner => ({ sample: of(task), labelled });
      const rng = () => createRng(`pair/${seed}`);
      const [first, second] = splitFrame(tinySize, rng());
      const whiteIn = (data: Uint8Array, [left, top, right, bottom]: readonly number[]) => {
        let count = 0;
        for (let y = top!; y < bottom!; y++)
          for (let x = left!; x < right!; x++) if (data[(y * tinySize + x) * 3]! > 127) count++;
        return count;
      };
      const mask = augment(of("segmentation"), tinySize, config, rng(), partner("segmentation"));
      expect(whiteIn(mask.target.data, first)).toBeGreaterThan(10);
      if (labelled) expect(whiteIn(mask.target.data, second)).toBeGreaterThan(10);
      else expect(whiteIn(mask.target.data, second)).toBe(0);

      const boxes = augment(of("detection"), tinySize, config, rng(), partner("detection"));
      const changed = Uint8Array.from(boxes.target.data, (v, i) => (v === boxes.image.data[i] ? 0 : 255));
      // A box squeezed to a few pixels is left out.
      outlined += Number(whiteIn(changed, first) > 5) + Number(whiteIn(changed, second) > 5);
      if (!labelled) expect(whiteIn(changed, second)).toBe(0);

      const absent = augment(of("classification", true), tinySize, config, rng(), partner("classification"));
      const present = augment(of("classification"), tinySize, config, rng(), { ...partner("depth"), labelled: false });
      const { positive, negative } = slotColours(absent.slots);
      const colour = (labelled ? positive : negative).rgb;
      expect([...absent.target.data.subarray(0, 3)]).toEqual([...colour]);
      expect([...present.target.data.subarray(0, 3)]).toEqual([...slotColours(present.slots).positive.rgb]);
    }
  }
  expect(outlined).toBeGreaterThan(18);
});

test("what a partner's masks all leave open stays unknown in the pair, and its own label stays out", () => {
  const [left, right] = [0, 16];
  const half = (grey: number, from: number) =>
    Uint8Array.from({ length: tinySize ** 2 }, (_, i) => (i % tinySize >= from && i % tinySize < from + 16 ? grey : 0));
  const both = half(UNKNOWN_GREY, left).map((grey, i) => grey || half(255, right)[i]!);
  const photo = (id: string, category: string, mask: Uint8Array, negative = false): Sample => {
    const { record, photo } = of("segmentation");
    return { record: { ...record, photo: id, slots: { category }, negative }, photo, mask };
  };
  const samples = [
    photo("first", "cat", half(255, left)),
    photo("second", "dog", both),
    photo("second", "sofa", half(UNKNOWN_GREY, left).fill(UNKNOWN_GREY, 0, tinySize * 8)),
  ];
  const draw = createPairing({ size: tinySize, samples, groups: groupSamples(samples) });
  const rng = createRng("unknown");
  const partner = Array.from({ length: 40 }, () => draw(samples[0]!, rng)).find((one) => one && !one.labelled)!;
  expect(unknownOf(partner.masks as Uint8Array[])).toEqual(half(UNKNOWN_GREY, left));
  const noFlip = { ...config, data: { ...config.data, flip: 0 } };
  const { target, pixelWeights } = augment(samples[0]!, tinySize, noFlip, createRng("two"), partner);
  const [, [x1, y1, x2, y2]] = splitFrame(tinySize, createRng("two"));
  const middle = (x1 + x2) / 2;
  for (let y = y1; y < y2; y++) {
    for (let x = x1; x < x2; x++) {
      if (Math.abs(x + 0.5 - middle) < 1) continue;
      const p = y * tinySize + x;
      expect([target.data[p * 3], pixelWeights![p]]).toEqual(x < middle ? [UNKNOWN_GREY, 0] : [0, 1]);
    }
  }
  const detect = { ...samples[0]!, record: { ...samples[0]!.record, task: "detection" as const } };
  expect(Array.from({ length: 20 }, () => draw(detect, rng)).some((one) => one?.masks)).toBe(false);
});

test("a recipe's pairs repeat by seed and step", async () => {
  const tokenizer = { encode: () => [0] };
  const batch = (pairs: number) =>
    createLoader(store, { ...config, data: { ...config.data, pairs } }, tokenizer).batch(40);
  expect(await batch(0.5)).toEqual(await batch(0.5));
  expect(await batch(1)).not.toEqual(await batch(0.5));
  expect(await batch(1)).not.toEqual(await batch(0));
});
