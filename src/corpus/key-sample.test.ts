import { describe, expect, it } from "vitest";
import { createRng } from "../random.js";
import { KeySample } from "./key-sample.js";
import { SeenKeys } from "./seen-keys.js";

describe("KeySample", () => {
  const keys = Array.from({ length: 3000 }, (_, i) => `coco_${i >> 2}_${i % 4}`);
  const draw = (from: readonly string[], seed = 0) => {
    const sample = new KeySample<string>(100, seed);
    let kept = 0;
    for (const key of from) {
      if (!sample.wants(key)) continue;
      sample.add(key, key);
      kept++;
    }
    return { items: sample.items(), kept };
  };

  it("is the same in whatever order the items come, and another for another seed", () => {
    const { items } = draw(keys);
    expect(new Set(items).size).toBe(100);
    expect(draw(createRng(1).shuffle(keys)).items).toEqual(items);
    expect(draw(keys, 1).items).not.toEqual(items);
  });

  it("draws evenly, and keeps few on the way", () => {
    const chosen = Array.from({ length: 60 }, (_, seed) => draw(keys, seed).items).flat();
    const thirds = [0, 1, 2].map((t) => chosen.filter((key) => Math.floor(keys.indexOf(key) / 1000) === t).length);
    for (const count of thirds) expect(Math.abs(count - 2000)).toBeLessThan(150);
    for (const ending of [0, 1, 2, 3]) {
      expect(Math.abs(chosen.filter((key) => key.endsWith(`_${ending}`)).length - 1500)).toBeLessThan(150);
    }
    expect(draw(keys).kept).toBeLessThan(600);
  });

  it("keeps all of a short stream, and none when none is wanted", () => {
    expect(draw(keys.slice(0, 7)).items.sort()).toEqual(keys.slice(0, 7));
    const none = new KeySample<string>(0, 0);
    expect(none.wants("a")).toBe(false);
  });
});

describe("SeenKeys", () => {
  it("tells what was there before, through several growths", () => {
    const seen = new SeenKeys();
    const keys = Array.from({ length: 5000 }, (_, i) => `photo_${i}`);
    expect(keys.every((key) => seen.add(key))).toBe(true);
    expect(seen.size).toBe(5000);
    expect(keys.some((key) => seen.add(key))).toBe(false);
    expect(seen.size).toBe(5000);
    expect(keys.every((key) => seen.has(key))).toBe(true);
    expect(seen.has("photo_5000")).toBe(false);
  });
});
