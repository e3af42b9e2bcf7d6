/** The corpus on disk: WebDataset tar shards of (image, instruction, target picture) plus one manifest. */
import type { Slots, TaskName, Xyxy } from "../tasks/task.js";

export type Wording = "template" | "paraphrase" | "unseen";

/**
 * Member `<key>.json` of a shard; beside it lie `<key>.image.jpg` (the photo squashed to the corpus size) and
 * `<key>.target.png` (the encoded answer at that size; for depth a 16-bit grey PNG in millimetres lies in
 * `<key>.depth.png` too, so that a loader can re-encode without 8-bit loss).
 */
export interface CorpusRecord {
  readonly key: string;
  /** Id of the photo; all records of one photo are in the same split. */
  readonly photo: string;
  readonly dataset: string;
  readonly task: TaskName;
  readonly slots: Slots;
  readonly instruction: string;
  readonly wording: Wording;
  /** Detection: boxes in corpus-size pixels (what the target picture shows), so that a loader can redraw after a crop. */
  readonly boxes?: readonly Xyxy[];
  /** Classification. */
  readonly present?: boolean;
  /** True when the category is known to be absent (black mask, no box, negative colour). */
  readonly negative: boolean;
}

/** `manifest.json` of a corpus folder. */
export interface Manifest {
  readonly format: "instructcv-corpus/1";
  readonly seed: number;
  /** Side of the square image and target, pixels. */
  readonly size: number;
  readonly splits: Readonly<
    Record<
      string,
      {
        readonly shards: readonly {
          readonly file: string;
          readonly records: number;
          readonly bytes: number;
          readonly sha256: string;
        }[];
        readonly records: number;
        readonly photos: number;
      }
    >
  >;
  readonly counts: Readonly<Record<string, number>>;
}
