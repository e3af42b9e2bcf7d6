import { expect, test } from "vitest";
import { tinyStore } from "../../tests/helpers/tiny-training.js";
import { createRng } from "../random.js";
import { createDrawer, type DrawOptions } from "./draw.js";

const options: DrawOptions = {
  weights: { segmentation: 3, detection: 1, depth: 0, classification: 0 },
  negatives: { segmentation: 0.25, detection: 0, classification: 0.5 },
  category_balance: 0.5,
};

test("tasks and absent categories come as often as asked", () => {
  const drawer = createDrawer(tinyStore(), options);
  const rng = createRng("draw");
  const records = Array.from({ length: 4000 }, () => drawer.draw(rng).record);
  const share = (task: string, negative: boolean) =>
    records.filter((record) => record.task === task && record.negative === negative).length / records.length;
  expect(share("segmentation", false)).toBeCloseTo(0.75 * 0.75, 1);
  expect(share("segmentation", true)).toBeCloseTo(0.75 * 0.25, 1);
  expect(share("detection", false)).toBeCloseTo(0.25, 1);
  expect(share("detection", true) + share("depth", false) + share("classification", true)).toBe(0);
});

test("category_balance evens out a rare category", () => {
  const store = tinyStore(6);
  const [cats, dogs] = store.groups.segmentation.positive;
  const group = { positive: [cats!, dogs!.slice(0, 1)], negative: [] };
  const skewed = { ...store, groups: { ...store.groups, segmentation: group } };
  const rareShare = (category_balance: number) => {
    const weights = { ...options.weights, detection: 0 };
    const drawer = createDrawer(skewed, { ...options, weights, category_balance });
    const rng = createRng("balance");
    const rare = Array.from({ length: 3000 }, () => drawer.draw(rng)).filter((sample) => sample === dogs![0]);
    return rare.length / 3000;
  };
  expect(rareShare(0)).toBeCloseTo(1 / (cats!.length + 1), 1);
  expect(rareShare(1)).toBeCloseTo(0.5, 1);
});

test("a dataset comes as often as its share says, with the same tasks and negatives; one that is not there is named", () => {
  const store = tinyStore(12);
  const chosen = store.samples.filter((_, i) => i % 6 === 0);
  const mine = new Set<unknown>(chosen);
  for (const sample of chosen) Object.assign(sample.record, { dataset: "mine" });
  const share = (dataset_shares: Record<string, number>) => {
    const drawer = createDrawer(store, { ...options, dataset_shares });
    const rng = createRng("shares");
    const drawn = Array.from({ length: 3000 }, () => drawer.draw(rng));
    return drawn.filter((sample) => mine.has(sample)).length / drawn.length;
  };
  expect(share({})).toBeLessThan(0.3);
  expect(share({ mine: 0.6 })).toBeCloseTo(0.6, 1);
  expect(share({ mine: 1 })).toBe(1);
  expect(() => share({ mien: 0.6 })).toThrow(/dataset_shares: the corpus has nothing to draw from mien/);
});
