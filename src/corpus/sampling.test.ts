import { describe, expect, it } from "vitest";
import type { LabelledPhoto } from "../datasets/sample.js";
import { createRng } from "../random.js";
import { parseCorpusConfig } from "./config.js";
import { Frequencies, questionsFor } from "./sampling.js";

const defaultPolicy = parseCorpusConfig(
  { name: "x", data: ".", datasets: [{ name: "x", reader: "coco", folder: ".", split: "x" }] },
  "test",
).sampling;
const frame = { width: 20, height: 10 };
const maskOf = (pixels: number) => new Uint8Array(200).fill(1, 0, pixels);

function photo(present: string[], more: Partial<LabelledPhoto> = {}): LabelledPhoto {
  return {
    id: `set/${present.join("+")}`,
    dataset: "set",
    split: "train",
    path: "none",
    image: () => Promise.reject(new Error("not needed")),
    known: ["cat", "dog", "cow"],
    present,
    ...more,
  };
}
function count(...photos: LabelledPhoto[]): Frequencies {
  const frequencies = new Frequencies();
  for (const photo of photos) frequencies.add(photo);
  return frequencies;
}
const ask = (of: LabelledPhoto, facts: object, frequencies: Frequencies, seed = 1, policy = defaultPolicy) =>
  questionsFor(of, { ...frame, ...facts }, frequencies, 40, policy, createRng(seed));

describe("questionsFor", () => {
  it("passes over what is too small to see, asked for or as negative", () => {
    const shown = photo(["cat", "dog"], { masks: async () => new Map() });
    const masks = new Map([
      ["cat", maskOf(0)],
      ["dog", maskOf(40)],
    ]);
    const frequencies = count(shown, photo(["cow"]));
    for (let seed = 0; seed < 50; seed++) {
      const questions = ask(shown, { masks }, frequencies, seed);
      expect(questions.filter((q) => !q.negative).every((q) => q.category === "dog")).toBe(true);
      expect(questions.filter((q) => q.negative).every((q) => q.category === "cow")).toBe(true);
      expect(questions.filter((q) => q.task === "classification")).toHaveLength(2);
    }
  });

  it("never asks for a category that is held out", () => {
    const shown = photo(["cat", "dog"], { masks: async () => new Map(), boxed: ["cat", "dog", "cow"] });
    const masks = new Map(["cat", "dog"].map((name) => [name, maskOf(100)]));
    const boxes = ["cat", "dog"].map((category) => ({ category, xyxy: [2, 2, 18, 9] as const }));
    const asked = (without: string[]) => {
      const policy = { ...defaultPolicy, without, negatives: { segmentation: 2, detection: 2, classification: 2 } };
      const frequencies = count(shown, photo(["cow"]));
      const each = Array.from({ length: 20 }, (_, seed) => ask(shown, { masks, boxes }, frequencies, seed, policy));
      return [...new Set(each.flat().map(({ task, category }) => `${task} ${category}`))].sort();
    };
    const all = ["cat", "cow", "dog"].flatMap((name) =>
      ["classification", "detection", "segmentation"].map((task) => `${task} ${name}`),
    );
    expect(asked([])).toEqual(all.sort());
    expect(asked(["cow", "dog"])).toEqual(all.filter((one) => one.endsWith(" cat")));
  });

  it("asks for boxes only where all of them can be drawn", () => {
    const shown = photo(["cat", "dog", "cow"], { boxed: ["cat", "dog", "cow"] });
    const box = (category: string, side: number, ignore = false) => ({
      category,
      xyxy: [0, 0, side, side] as const,
      ignore,
    });
    const frequencies = count(shown);
    const asked = (boxes: object[]) =>
      ask(shown, { boxes }, frequencies)
        .filter((q) => q.task === "detection")
        .map((q) => q.category);
    expect(asked([box("cat", 5), box("dog", 2)])).toEqual(["cat"]);
    expect(asked([box("cat", 5), box("cat", 2)])).toEqual([]);
    expect(asked([box("cat", 5), box("cat", 5, true)])).toEqual([]);
    expect(asked(Array.from({ length: 9 }, () => box("cat", 5)))).toEqual([]);
  });

  it("limits segmentation to categories that have masks and asks once for depth", () => {
    const shown = photo(["cat", "dog"], { masked: ["cat", "cow"], depth: async () => new Float32Array(200) });
    const questions = ask(shown, { masks: new Map([["cat", maskOf(50)]]) }, count(shown, photo(["cow"])));
    expect(questions.filter((q) => q.task === "segmentation" && !q.negative).map((q) => q.category)).toEqual(["cat"]);
    expect(questions.filter((q) => q.task === "depth")).toEqual([{ task: "depth", category: null, negative: false }]);
    expect(questions.filter((q) => q.task === "classification" && !q.negative)).toHaveLength(2);
  });

  it("asks about each category as often absent as present", () => {
    const photos = Array.from({ length: 3000 }, (_, i) => photo(i % 10 < 4 ? ["dog"] : i % 10 < 7 ? ["cat"] : ["cow"]));
    const frequencies = count(...photos);
    const counts = new Map<string, number>();
    photos.forEach((shown, i) => {
      for (const { category, negative } of ask(shown, {}, frequencies, i)) {
        const key = `${category} ${negative}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    });
    // Not exact: every photo gets one absent category, whichever it lacks.
    for (const category of ["dog", "cat", "cow"]) {
      const ratio = counts.get(`${category} true`)! / counts.get(`${category} false`)!;
      expect(ratio).toBeGreaterThan(0.75);
      expect(ratio).toBeLessThan(1.3);
    }
  });

  it("caps the present categories of a photo", () => {
    const known = Array.from({ length: 10 }, (_, i) => `thing ${i}`);
    const shown = photo(known.slice(0, 8), { known });
    const questions = ask(shown, {}, count(shown), 1, { ...defaultPolicy, max_per_task: 3 });
    expect(questions.filter((q) => !q.negative)).toHaveLength(3);
  });
});

describe("Frequencies", () => {
  it("counts photos that share a label space together, in whatever order they come", () => {
    const spaces = [
      ["cat", "dog"],
      ["cat", "cow"],
    ];
    const frequencies = new Frequencies();
    for (const i of [0, 0, 1, 0, 1, 1, 1]) frequencies.add(photo(["cat"].slice(i), { known: spaces[i] }));
    expect(Object.fromEntries(frequencies.counts().known)).toEqual({ "set/cat": 7, "set/dog": 3, "set/cow": 4 });
    expect(Object.fromEntries(frequencies.counts().present)).toEqual({ "set/cat": 3 });
    expect(frequencies.absentWeight("set", "cat")).toBe(3 / 4);
    frequencies.add(photo(["dog"], { known: spaces[0] }));
    expect(frequencies.absentWeight("set", "dog")).toBe(1 / 3);
    expect(Frequencies.of(frequencies.counts()).absentWeight("set", "dog")).toBe(1 / 3);
  });

  it("takes a large label space in its stride", () => {
    const known = Array.from({ length: 1000 }, (_, i) => `class ${i}`);
    const frequencies = new Frequencies();
    const one = photo(["class 7"], { known });
    const start = performance.now();
    for (let i = 0; i < 200_000; i++) frequencies.add(one);
    expect(frequencies.counts().known.get("set/class 9")).toBe(200_000);
    // One by one it takes half a minute.
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
