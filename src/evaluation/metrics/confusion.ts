/** Counts of true against predicted classes: pixels of a segmented dataset, or whole images. */
import { InstructCvError } from "../../errors.js";
import type { Size } from "../../image/picture.js";
import { requireLength, requireSize } from "./checks.js";
import { mean } from "./statistics.js";

/** A map of class numbers, row-major. */
export interface ClassMap extends Size {
  readonly labels: ArrayLike<number>;
}

/** Shares in 0..1, higher is better; NaN where there is nothing to divide by. */
export interface ClassCounts {
  /** Of the class that were called so, over those of the class. */
  readonly recall: number;
  /** Over those called so. */
  readonly precision: number;
  /** Harmonic mean of the two; 0 when nothing was called so. */
  readonly f1: number;
  /** Over those that are of the class or called so. */
  readonly iou: number;
  /** How many are of the class. */
  readonly support: number;
}

/** Matrices of several processes, or of drawn images, are joined by `merge`, so that every score is one of the whole dataset. */
export class ConfusionMatrix {
  /** `counts[t * (classes + 1) + p]`; the last column is "no class": a label that is none of the classes. */
  readonly counts: Float64Array;

  /**
   * @param classes how many; labels are 0 ... classes - 1
   * @param ignore the true label that counts nowhere (255 in VOC, Cityscapes and here)
   */
  constructor(
    readonly classes: number,
    readonly ignore = 255,
  ) {
    this.counts = new Float64Array(classes * (classes + 1));
  }

  /**
   * One label. A predicted label that is no class is wrong for the true class and false for none, rather than left out.
   * @throws {InstructCvError} "dataset" for a true label that is neither a class nor ignored.
   */
  add(truth: number, prediction: number, count = 1): void {
    if (truth === this.ignore) return;
    if (!(Number.isInteger(truth) && truth >= 0 && truth < this.classes))
      throw new InstructCvError(
        "dataset",
        `class map: expected true labels 0 to ${this.classes - 1} or ${this.ignore}, found ${truth}.`,
        "ADE20K's files count from 1: take 1 off, and map 0 to 255.",
      );
    const called = Number.isInteger(prediction) && prediction >= 0 && prediction < this.classes;
    const at = truth * (this.classes + 1) + (called ? prediction : this.classes);
    this.counts[at] = this.counts[at]! + count;
  }

  /** All pixels of a photo. @throws {InstructCvError} "prediction" for another size; says when width and height are swapped. */
  addMap(truth: ClassMap, prediction: ClassMap): void {
    requireSize("class map", prediction, truth);
    requireLength("class map", prediction.labels, truth.labels);
    for (let i = 0; i < truth.labels.length; i++) this.add(truth.labels[i]!, prediction.labels[i]!);
  }

  merge(other: ConfusionMatrix): this {
    other.counts.forEach((count, i) => {
      this.counts[i] = this.counts[i]! + count;
    });
    return this;
  }

  at(truth: number, prediction: number): number {
    return this.counts[truth * (this.classes + 1) + prediction]!;
  }

  total(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** Pixel accuracy, or plain accuracy: what is right over all. A large class outweighs the others. */
  accuracy(): number {
    return this.#sum((k) => this.at(k, k)) / this.total();
  }

  /** Mean accuracy, or balanced accuracy: the mean recall of the classes that occur. */
  meanAccuracy(): number {
    return this.#meanOf((counts) => counts.recall);
  }

  /** Of every class, in order. */
  perClass(): ClassCounts[] {
    return Array.from({ length: this.classes }, (_, k) => {
      const hits = this.at(k, k);
      let support = 0;
      for (let p = 0; p <= this.classes; p++) support += this.at(k, p);
      const called = this.#sum((t) => this.at(t, k));
      return {
        recall: hits / support,
        precision: hits / called,
        f1: (2 * hits) / (support + called),
        iou: hits / (support + called - hits),
        support,
      };
    });
  }

  /** Mean IoU of the classes that are in truth or prediction: the mIoU of ADE20K and VOC. */
  meanIou(): number {
    return this.#meanOf((counts) => counts.iou);
  }

  /** IoU weighted by how many pixels are of the class. */
  frequencyWeightedIou(): number {
    const occurring = this.perClass().filter(({ support }) => support > 0);
    return occurring.reduce((sum, { iou, support }) => sum + iou * support, 0) / this.total();
  }

  /** Mean F1 of the classes that are in truth or prediction (scikit-learn's "macro"). */
  macroF1(): number {
    return this.#meanOf((counts) => counts.f1);
  }

  #meanOf(of: (counts: ClassCounts) => number): number {
    return mean(
      this.perClass()
        .map(of)
        .filter((value) => !Number.isNaN(value)),
    );
  }

  #sum(of: (k: number) => number): number {
    let sum = 0;
    for (let k = 0; k < this.classes; k++) sum += of(k);
    return sum;
  }
}
