/** Semantic segmentation of whole photos, from the confusion counts of a dataset. */
import { ConfusionMatrix } from "../metrics/confusion.js";
import type { MapFacts } from "./record.js";
import type { Score } from "./score.js";

/** Of classes that are counted here, none. */
const NO_CLASS = -1;

/**
 * The counts of all photos. The background is a class where the truth has some (VOC); where every pixel that counts has a class
 * (ADE20K) a pixel called background is wrong for its class and false for none.
 */
export function mapMatrix(maps: readonly MapFacts[]): ConfusionMatrix {
  const pairs = maps.flatMap(({ confusion }) => confusion);
  const background = pairs.some(([truth]) => truth === null);
  const called = [...pairs.map(([truth]) => truth), ...pairs.map(([, found]) => found)];
  const names = [...new Set(called)].filter((name) => name !== null || background);
  const numbers = new Map(names.map((name, i) => [name, i]));
  const matrix = new ConfusionMatrix(names.length, NO_CLASS);
  for (const [truth, found, pixels] of pairs) matrix.add(numbers.get(truth)!, numbers.get(found) ?? NO_CLASS, pixels);
  return matrix;
}

/** Class mIoU and pixel accuracy, all photos pooled. Nothing without maps. */
export function mapScores(maps: readonly MapFacts[]): Score[] {
  if (maps.length === 0) return [];
  const matrix = mapMatrix(maps);
  return [
    { metric: "mIoU (full label map)", value: matrix.meanIou(), n: maps.length },
    { metric: "pixel accuracy (full label map)", value: matrix.accuracy(), n: maps.length },
  ];
}
