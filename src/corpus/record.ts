/** The corpus on disk: WebDataset tar shards of (image, instruction, target picture) plus one manifest. */
import type { Rle, Slots, TaskName, Xyxy } from "../tasks/task.js";

export type Wording = "template" | "paraphrase" | "unseen" | "own";

/**
 * Member `<key>.json` of a shard; beside it lie `<key>.image.jpg` (the photo squashed to the corpus size) and
 * `<key>.target.png` (the encoded answer at that size; in a mask grey 128 is "unknown, do not learn"; for depth a 16-bit grey PNG in
 * millimetres lies in `<key>.depth.png` too, so that a loader can re-encode without 8-bit loss). Keys have no dots, as WebDataset wants.
 */
export interface CorpusRecord {
  readonly key: string;
  /** Id of the photo; all records of one photo are in the same split. */
  readonly photo: string;
  readonly dataset: string;
  /** Width and height of the photo in its dataset, pixels. */
  readonly size: readonly [number, number];
  readonly task: TaskName;
  readonly slots: Slots;
  readonly instruction: string;
  /** "own": the sentence came with the data. */
  readonly wording: Wording;
  /** Segmentation: the label's mask at the photo's own size, before it was squashed. */
  readonly mask?: Rle;
  /** Segmentation: what that mask ignores, if anything. */
  readonly ignore?: Rle;
  /** Detection: boxes in corpus-size pixels (what the target picture shows), so that a loader can redraw after a crop. */
  readonly boxes?: readonly Xyxy[];
  /** Classification. */
  readonly present?: boolean;
  /** True when the category is known to be absent (black mask, no box, negative colour). */
  readonly negative: boolean;
}

/** A record with its pictures, as a shard holds them. */
export interface CorpusEntry {
  readonly record: CorpusRecord;
  /** JPEG of the photo at corpus size. */
  readonly image: Buffer;
  /** PNG of the drawn answer. */
  readonly target: Buffer;
  /** Depth only: 16-bit grey PNG in millimetres, 0 = unknown. */
  readonly depth?: Buffer;
}

export interface Shard {
  readonly file: string;
  readonly records: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** `manifest.json` of a corpus folder. */
export interface Manifest {
  readonly format: "instructcv-corpus/2";
  /** The program that built it. */
  readonly version: string;
  /** Resolved configuration; paths as they were given. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly seed: number;
  /** Side of the square image and target, pixels. */
  readonly size: number;
  /** Width of box outlines as a share of the box's shorter side; null for the paper's 4 pixels. */
  readonly box_outline: number | null;
  readonly datasets: readonly {
    readonly name: string;
    readonly title: string;
    readonly licence: string;
    readonly split: string;
    readonly photos: number;
  }[];
  readonly splits: Readonly<
    Record<string, { readonly shards: readonly Shard[]; readonly records: number; readonly photos: number }>
  >;
  /** Records of `dataset/task/present` and `dataset/task/absent` (depth: `dataset/task`). */
  readonly counts: Readonly<Record<string, number>>;
  /** By task: drawing records of the split `train` with these weights shows every task equally often. Their mean over records is 1. */
  readonly weights: Readonly<Partial<Record<TaskName, number>>>;
  /** Photos that could not be used: how many, and each with its reason. */
  readonly skipped: readonly { readonly photo: string; readonly reason: string }[];
}
