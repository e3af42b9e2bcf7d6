/** Intersection over union of masks, counted over the whole dataset rather than image by image. */
import { mean } from "./statistics.js";

export interface Overlap {
  /** Pixels. */
  intersection: number;
  union: number;
}

const IGNORE = 255;

/** Counts of one pair of masks, row-major and of one length; pixels where the truth is 255 count nowhere. */
export function maskOverlap(prediction: Uint8Array, truth: Uint8Array): Overlap {
  if (prediction.length !== truth.length)
    throw new RangeError(`mask of ${prediction.length} pixels for a truth of ${truth.length}`);
  let intersection = 0;
  let union = 0;
  for (let i = 0; i < truth.length; i++) {
    const t = truth[i]!;
    if (t === IGNORE) continue;
    const p = prediction[i]!;
    if (p && t) intersection++;
    if (p || t) union++;
  }
  return { intersection, union };
}

/** Dataset-level IoU: of all queries pooled, by class, and the mean over classes. */
export class IouMeter {
  readonly #classes = new Map<string, Overlap>();

  /** A class that is absent (all-0 truth) adds its false positives to that class's union. */
  add(category: string, truth: Uint8Array, prediction: Uint8Array): void {
    const { intersection, union } = maskOverlap(prediction, truth);
    const total = this.#classes.get(category) ?? { intersection: 0, union: 0 };
    total.intersection += intersection;
    total.union += union;
    this.#classes.set(category, total);
  }

  /** Sum of intersections over sum of unions: "referred IoU" when each query names a category. */
  pooled(): number {
    let intersection = 0;
    let union = 0;
    for (const total of this.#classes.values()) {
      intersection += total.intersection;
      union += total.union;
    }
    return intersection / union;
  }

  /** IoU of each class that has a pixel in truth or prediction, in order of first appearance. */
  perClass(): Map<string, number> {
    const scored = [...this.#classes].filter(([, { union }]) => union > 0);
    return new Map(scored.map(([category, { intersection, union }]) => [category, intersection / union]));
  }

  meanOverClasses(): number {
    return mean(this.perClass().values());
  }
}
