import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Size } from "../image/picture.js";
import { createRng } from "../random.js";
import { classification } from "./classification.js";
import { fitLabel, toFloatPicture, toPicture } from "./codec.js";
import { defaultColours, palette } from "./colours.js";
import { depthWith, greyOfMetres, metresOfGrey } from "./depth.js";
import { getTask, taskNames, tasks } from "./registry.js";
import { decodeRle } from "./rle.js";
import { maskThreshold, segmentation, UNKNOWN_GREY } from "./segmentation.js";
import type { LabelOf, Xyxy } from "./task.js";

const photo = ({ width, height }: Size) => ({ width, height, data: new Uint8Array(width * height * 3).fill(90) });
const grey = (size: Size, value: (pixel: number) => number) => ({
  ...size,
  data: Float32Array.from({ length: size.width * size.height * 3 }, (_, i) => value(Math.floor(i / 3))),
});
const sizes = fc.record({ width: fc.integer({ min: 1, max: 24 }), height: fc.integer({ min: 1, max: 24 }) });
const slots = { category: "dog" };
const mask = (width: number, height: number, values: readonly number[]): LabelOf<"segmentation"> => ({
  task: "segmentation",
  width,
  height,
  mask: Uint8Array.from(values),
});

describe("segmentation", () => {
  it("gives back every mask it drew", () => {
    fc.assert(
      fc.property(sizes, fc.integer(), (size, seed) => {
        const rng = createRng(seed);
        const label = mask(
          size.width,
          size.height,
          Array.from({ length: size.width * size.height }, () => rng.int(2)),
        );
        const drawn = toFloatPicture(segmentation.encode(label, photo(size), slots));
        const read = segmentation.decode(drawn, photo(size), slots, size);
        expect(Buffer.compare(read.mask, label.mask)).toBe(0);
        expect(Buffer.compare(decodeRle(read.rle), label.mask)).toBe(0);
        expect(read.area).toBe(label.mask.reduce((a, b) => a + b, 0));
        expect(read.score).toBe(read.area > 0 ? 1 : 0);
        expect(read.admissibility).toBe(1);
        expect(read.size).toEqual(size);
      }),
    );
  });

  it("reads grey as probability, scaled to the photo", () => {
    const size = { width: 2, height: 1 };
    const read = segmentation.decode(
      grey(size, (p) => [0.2, 0.8][p]!),
      photo(size),
      slots,
      { width: 4, height: 2 },
    );
    const row = [0.2, 0.35, 0.65, 0.8];
    read.probability.forEach((p, i) => {
      expect(p).toBeCloseTo(row[i % 4]!, 6);
    });
    expect([...read.mask]).toEqual([0, 0, 1, 1, 0, 0, 1, 1]);
    expect(read.rle.size).toEqual([2, 4]);
    expect(read.score).toBeCloseTo(0.725, 6);
    expect(read.admissibility).toBeCloseTo(1, 6);
  });

  it("cuts where the expected intersection over union is largest, between 0.4 and 0.5", () => {
    const expected = (p: Float32Array, t: number) => {
      const [inside, outside] = [p.filter((v) => v >= t), p.filter((v) => v < t)];
      const sum = (values: Float32Array) => values.reduce((total, v) => total + v, 0);
      return sum(inside) / (inside.length + sum(outside));
    };
    const cuts: number[] = [];
    for (let seed = 0; seed < 30; seed++) {
      const rng = createRng(seed);
      const sharpness = 0.3 + 4 * rng.next();
      const p = Float32Array.from({ length: 4000 }, () => 1 / (1 + Math.exp(-sharpness * (rng.normal() - 0.5) * 2)));
      const found = maskThreshold(p);
      cuts.push(found);
      for (let t = 0.4; t <= 0.5; t += 0.005) expect(expected(p, found)).toBeGreaterThan(expected(p, t) - 2e-3);
    }
    expect(Math.min(...cuts)).toBe(0.4);
    expect(Math.max(...cuts)).toBeGreaterThan(0.45);
    expect(Math.max(...cuts)).toBeLessThanOrEqual(0.5);
    expect(maskThreshold(Float32Array.of(0, 1, 1, 0))).toBe(0.5);
    expect(maskThreshold(new Float32Array(9))).toBe(0.4);
    expect(maskThreshold(Float32Array.of(Number.NaN, 1))).toBe(0.5);
  });

  it("draws ignored pixels as the unknown grey, and never others", () => {
    const drawn = segmentation.encode(mask(3, 1, [255, 1, 0]), photo({ width: 3, height: 1 }), slots);
    expect([...drawn.data]).toEqual([128, 128, 128, 255, 255, 255, 0, 0, 0]);
    expect(UNKNOWN_GREY).toBe(128);
  });

  it("takes colour and overflow as inadmissible", () => {
    const size = { width: 2, height: 1 };
    const blue = { ...size, data: Float32Array.from([0, 0, 1, 0, 0, 1]) };
    expect(segmentation.decode(blue, photo(size), slots, size).admissibility).toBeCloseTo(0, 6);
    const over = segmentation.decode(
      grey(size, () => 1.2),
      photo(size),
      slots,
      size,
    );
    expect(over.admissibility).toBeCloseTo(0.7, 5);
    expect(over.probability[0]).toBe(1);
  });

  it("cuts, shrinks by majority and mirrors labels", () => {
    const label = mask(4, 2, [1, 1, 0, 255, 1, 0, 0, 255]);
    const half = { width: 2, height: 1 };
    expect([...segmentation.transformLabel(label, [0, 0, 4, 2], half, false).mask]).toEqual([1, 0]);
    expect([...segmentation.transformLabel(label, [0, 0, 4, 2], half, true).mask]).toEqual([0, 1]);
    expect([...segmentation.transformLabel(label, [3, 0, 4, 2], { width: 1, height: 2 }, false).mask]).toEqual([
      255, 255,
    ]);
    const twice = segmentation.transformLabel(label, [0, 0, 2, 1], { width: 4, height: 2 }, false);
    expect([twice.width, twice.height, ...twice.mask]).toEqual([4, 2, 1, 1, 1, 1, 1, 1, 1, 1]);
    expect(fitLabel(segmentation, label, { width: 4, height: 2 })).toEqual(label);
  });

  it("ignores a cell only when most of it is ignored, else the known pixels vote", () => {
    fc.assert(
      fc.property(sizes, sizes, fc.boolean(), fc.integer(), (from, to, flip, seed) => {
        const rng = createRng(seed);
        const values = Array.from({ length: from.width * from.height }, () => rng.pick([0, 1, 255]));
        const whole: Xyxy = [0, 0, from.width, from.height];
        const cut = (only: readonly number[], value: number) =>
          segmentation.transformLabel(
            mask(
              from.width,
              from.height,
              values.map((v) => (only.includes(v) ? v : value)),
            ),
            whole,
            to,
            flip,
          ).mask;
        const all = cut([0, 1, 255], 0);
        const ignored = cut([255], 0);
        const least = cut([1], 0);
        all.forEach((value, p) => {
          expect(value === 255).toBe(ignored[p] === 255);
          if (least[p] === 1 && value !== 255) expect(value).toBe(1);
        });
      }),
    );
  });
});

const depth = depthWith("linear");

describe("depth", () => {
  it("gives back metres to within half a grey level", () => {
    fc.assert(
      fc.property(sizes, fc.integer(), (size, seed) => {
        const rng = createRng(seed);
        const metres = Float32Array.from({ length: size.width * size.height }, () => rng.next() * 10);
        const drawn = toFloatPicture(depth.encode({ task: "depth", ...size, metres }, photo(size), { category: null }));
        const read = depth.decode(drawn, photo(size), { category: null }, size);
        const errors = read.metres.map((value, i) => Math.abs(value - metres[i]!));
        expect(Math.max(...errors)).toBeLessThan(10 / 255 / 2 + 1e-4);
        expect(read.min).toBe(Math.min(...read.metres));
        expect(read.max).toBe(Math.max(...read.metres));
        expect(read.admissibility).toBe(1);
      }),
    );
  });

  it("may draw it logarithmically from 0.5 to 10 m: each doubling takes the same range, and what is lost is a share of the distance", () => {
    expect([0.5, 1, 2, 4, 8].map((metres) => greyOfMetres(metres, "log") / greyOfMetres(1, "log"))).toEqual([
      0,
      1,
      expect.closeTo(2, 12),
      expect.closeTo(3, 12),
      expect.closeTo(4, 12),
    ]);
    expect([greyOfMetres(0.1, "log"), greyOfMetres(10, "log"), greyOfMetres(80, "log")]).toEqual([0, 1, 1]);
    const { encode, decode } = getTask("depth", { box_outline: null, depth_grey: "log" });
    const size = { width: 64, height: 1 };
    const metres = Float32Array.from({ length: 64 }, (_, i) => 0.5 + (9.5 * i) / 63);
    const drawn = toFloatPicture(encode({ task: "depth", ...size, metres }, photo(size), { category: null }));
    const read = decode(drawn, photo(size), { category: null }, size).metres;
    // Half a grey level.
    const most = 20 ** (0.5 / 255) - 1 + 1e-6;
    metres.forEach((truth, i) => {
      expect(Math.abs(read[i]! / truth - 1)).toBeLessThan(most);
    });
    expect(metresOfGrey(0.5, "log")).toBeCloseTo(Math.sqrt(0.5 * 10), 12);
  });

  it("draws unknown as black and far as white", () => {
    const size = { width: 4, height: 1 };
    const label = { task: "depth" as const, ...size, metres: Float32Array.from([0, Number.NaN, 5, 42]) };
    const { data } = depth.encode(label, photo(size), { category: null });
    expect([data[0], data[3], data[6], data[9]]).toEqual([0, 0, 128, 255]);
  });

  it("keeps metres between 0 and 10, whatever is drawn", () => {
    const size = { width: 3, height: 1 };
    const read = depth.decode(
      grey(size, (p) => [-0.3, Number.NaN, 1.7][p]!),
      photo(size),
      { category: null },
      size,
    );
    expect([...read.metres]).toEqual([0, 0, 10]);
    expect(read.admissibility).toBeLessThan(0.3);
  });

  it("averages the known depths of a cell", () => {
    const label = { task: "depth" as const, width: 4, height: 1, metres: Float32Array.from([2, 0, 4, 6]) };
    expect([...depth.transformLabel(label, [0, 0, 4, 1], { width: 2, height: 1 }, false).metres]).toEqual([2, 5]);
    expect([...depth.transformLabel(label, [0, 0, 4, 1], { width: 4, height: 1 }, true).metres]).toEqual([6, 4, 0, 2]);
    expect([...depth.transformLabel(label, [1, 0, 2, 1], { width: 1, height: 1 }, false).metres]).toEqual([0]);
  });
});

describe("classification", () => {
  it("gives back the answer in every pair of colours, and blends as probabilities", () => {
    const size = { width: 5, height: 4 };
    for (const positive of palette)
      for (const negative of palette) {
        if (positive === negative) continue;
        const both = { category: "dog", positive, negative };
        for (const present of [true, false]) {
          const drawn = toFloatPicture(classification.encode({ task: "classification", present }, photo(size), both));
          const read = classification.decode(drawn, photo(size), both, { width: 50, height: 40 });
          expect([read.present, read.size]).toEqual([present, { width: 50, height: 40 }]);
          expect(read.probability).toBeCloseTo(present ? 1 : 0, 6);
          expect(read.admissibility).toBeCloseTo(1, 6);
        }
        const blend = Float32Array.from(
          { length: 60 },
          (_, i) => (0.3 * positive.rgb[i % 3]! + 0.7 * negative.rgb[i % 3]!) / 255,
        );
        const read = classification.decode({ ...size, data: blend }, photo(size), both, size);
        expect(read.present).toBe(false);
        expect(read.probability).toBeCloseTo(0.3, 5);
        expect(read.admissibility).toBeCloseTo(1, 5);
      }
  });

  it("means green and red when no colours are given, or the other one when one is taken", () => {
    const size = { width: 2, height: 2 };
    const yes = classification.encode({ task: "classification", present: true }, photo(size), slots);
    expect([...yes.data.subarray(0, 3)]).toEqual([...defaultColours.positive.rgb]);
    const no = { category: "dog", positive: defaultColours.negative };
    const picture = classification.encode({ task: "classification", present: false }, photo(size), no);
    expect([...picture.data.subarray(0, 3)]).toEqual([...defaultColours.positive.rgb]);
  });

  it("takes spots and foreign colours as inadmissible", () => {
    const size = { width: 2, height: 1 };
    const half = { ...size, data: Float32Array.from([1, 0, 0, 0, 1, 0]) };
    const read = classification.decode(half, photo(size), slots, size);
    expect(read.probability).toBeCloseTo(0.5, 6);
    expect(read.admissibility).toBeCloseTo(0.25, 6);
    expect(
      classification.decode(
        grey(size, () => Number.NaN),
        photo(size),
        slots,
        size,
      ).admissibility,
    ).toBe(0);
  });

  it("keeps its label through crops", () => {
    const crop: Xyxy = [1, 1, 2, 2];
    const label = { task: "classification" as const, present: true };
    expect(classification.transformLabel(label, crop, { width: 9, height: 9 }, true)).toEqual(label);
    expect(fitLabel(classification, label, { width: 9, height: 9 })).toEqual(label);
  });
});

describe("all tasks", () => {
  it("are in the registry under their own name", () => {
    expect(Object.keys(tasks).sort()).toEqual([...taskNames].sort());
    for (const name of taskNames) expect(getTask(name).name).toBe(name);
  });

  it("refuse pictures of another size than the photo", () => {
    const image = photo({ width: 4, height: 4 });
    for (const name of taskNames)
      expect(() =>
        getTask(name).decode(
          grey({ width: 3, height: 4 }, () => 0),
          image,
          slots,
          image,
        ),
      ).toThrow(/3x4, expected 4x4/);
    expect(() => segmentation.encode(mask(1, 1, [1]), image, slots)).toThrow(RangeError);
  });

  it("round drawn pictures to 8 bits without wrapping", () => {
    const drawn = { width: 1, height: 2, data: Float32Array.from([-1, 0, 0.5, 1, 3, Number.NaN]) };
    expect([...toPicture(drawn).data]).toEqual([0, 0, 128, 255, 255, 0]);
  });
});
