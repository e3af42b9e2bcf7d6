/** Semantic segmentation of whole photos: class mIoU and pixel accuracy from the confusion counts of a dataset. */
import { mean } from "../metrics/statistics.js";
import type { MapFacts } from "./record.js";

interface Score {
  readonly metric: string;
  readonly value: number;
  readonly n: number;
}

/**
 * IoU of a class = hits / (hits + missed + falsely claimed), over all photos; classes without a pixel in truth or answer count nowhere. The
 * background is a class where the truth has some (VOC) and is not where every pixel that counts has a class (ADE20K). Nothing without maps.
 */
export function mapScores(maps: readonly MapFacts[]): Score[] {
  if (maps.length === 0) return [];
  const classes = new Map<string | null, { hits: number; truth: number; found: number }>();
  const of = (name: string | null) => {
    const known = classes.get(name) ?? { hits: 0, truth: 0, found: 0 };
    classes.set(name, known);
    return known;
  };
  let right = 0;
  let pixels = 0;
  for (const { confusion } of maps) {
    for (const [truth, found, count] of confusion) {
      of(truth).truth += count;
      of(found).found += count;
      pixels += count;
      if (truth !== found) continue;
      of(truth).hits += count;
      right += count;
    }
  }
  if (classes.get(null)?.truth === 0) classes.delete(null);
  const ious = [...classes.values()].map(({ hits, truth, found }) => hits / (truth + found - hits));
  return [
    { metric: "mIoU (full label map)", value: mean(ious), n: maps.length },
    { metric: "pixel accuracy (full label map)", value: right / pixels, n: maps.length },
  ];
}
