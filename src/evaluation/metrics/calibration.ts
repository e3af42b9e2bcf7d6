/** Whether a confidence means what it says: of the answers that are 70 % sure, are 70 % right? (Guo et al. 2017, arXiv 1706.04599) */
import { requireLength, requireProbability } from "./checks.js";
import type { Matching } from "./matching.js";

export interface ReliabilityBin {
  /** Confidences from `low` up to, not including, `high`; the last bin has 1 too. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean of the answers in it: what they say, and how many were right. */
  readonly confidence: number;
  readonly accuracy: number;
}

/** `equal-width`: cuts [0, 1] into parts of one length. `adaptive`: into parts that hold about equally many answers. */
export type Binning = "equal-width" | "adaptive";

/** Cells of 1/15360: adaptive bins are cut between cells, and 15, 10, 20 and other usual numbers of equal bins divide them. */
const CELLS = 15_360;

/**
 * Collects (confidence, outcome) pairs in fixed memory, so that every pixel of a dataset may be one: a pixel's probability and whether
 * it is of the class, P(present) and whether it is present, a box's score and whether it is a hit. Meters are joined by `merge`.
 */
export class CalibrationMeter {
  readonly #counts = new Float64Array(CELLS);
  readonly #confidences = new Float64Array(CELLS);
  readonly #outcomes = new Float64Array(CELLS);
  #squared = 0;

  /**
   * @param confidence 0..1
   * @param outcome 1 for right (present, a hit), 0 for wrong
   * @throws {InstructCvError} "prediction" for a confidence outside [0, 1] or NaN.
   */
  add(confidence: number, outcome: number | boolean): void {
    requireProbability("confidence", confidence);
    const right = Number(outcome);
    const cell = Math.min(CELLS - 1, Math.floor(confidence * CELLS));
    this.#counts[cell]!++;
    this.#confidences[cell]! += confidence;
    this.#outcomes[cell]! += right;
    this.#squared += (confidence - right) ** 2;
  }

  /** Every pixel of a map, row-major; those where the truth is 255 count nowhere. */
  addMap(probability: Float32Array, truth: Uint8Array): void {
    requireLength("probability map", probability, truth);
    for (let i = 0; i < truth.length; i++) if (truth[i] !== 255) this.add(probability[i]!, truth[i] === 1);
  }

  merge(other: CalibrationMeter): this {
    for (let i = 0; i < CELLS; i++) {
      this.#counts[i]! += other.#counts[i]!;
      this.#confidences[i]! += other.#confidences[i]!;
      this.#outcomes[i]! += other.#outcomes[i]!;
    }
    this.#squared += other.#squared;
    return this;
  }

  count(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /** Mean of (confidence - outcome)^2; lower is better, .25 for one half everywhere. NaN of nothing. */
  brier(): number {
    return this.#squared / this.count();
  }

  /** The reliability table, bins with answers only. Adaptive: an answer is never cut from others of its cell. */
  bins(count = 15, binning: Binning = "equal-width"): ReliabilityBin[] {
    const bins: ReliabilityBin[] = [];
    let first = 0;
    let seen = 0;
    const total = this.count();
    for (let k = 1; k <= count && first < CELLS; k++) {
      let end = Math.round((k * CELLS) / count);
      if (binning === "adaptive")
        for (end = first; end < CELLS && seen < (k * total) / count; ) seen += this.#counts[end++]!;
      if (binning === "adaptive" && k === count) end = CELLS;
      const bin = this.#bin(first, end);
      if (bin.count > 0) bins.push(bin);
      first = end;
    }
    return bins;
  }

  #bin(first: number, end: number): ReliabilityBin {
    let [count, confidence, outcome] = [0, 0, 0];
    for (let i = first; i < end; i++) {
      count += this.#counts[i]!;
      confidence += this.#confidences[i]!;
      outcome += this.#outcomes[i]!;
    }
    return {
      low: first / CELLS,
      high: end / CELLS,
      count,
      confidence: confidence / count,
      accuracy: outcome / count,
    };
  }

  /** Expected calibration error: mean over answers of |confidence - accuracy| of their bin; 0 is best, NaN of nothing. */
  ece(count = 15, binning: Binning = "equal-width"): number {
    const weighted = this.bins(count, binning).map((bin) => bin.count * Math.abs(bin.confidence - bin.accuracy));
    return weighted.reduce((sum, value) => sum + value, 0) / this.count();
  }

  /** The worst bin's difference. NaN of nothing. */
  maximumError(count = 15): number {
    const gaps = this.bins(count).map((bin) => Math.abs(bin.confidence - bin.accuracy));
    return gaps.length === 0 ? Number.NaN : Math.max(...gaps);
  }
}

/** Adds every box that counts, by its score and whether it is a hit at the threshold with this place in the matching (0 is IoU .5). */
export function addDetections(meter: CalibrationMeter, matchings: Iterable<Matching>, place = 0): void {
  for (const { scores, verdicts } of matchings)
    for (const [i, score] of scores.entries())
      if (verdicts[place]![i] !== "ignored") meter.add(score, verdicts[place]![i] === "hit");
}
