/** The second form of a batch: what the frozen networks say of its examples, read from shards instead of computed. */
import type { TaskName } from "../../tasks/task.js";

/** B examples as latents of Z channels at [h, w], with the text encoder's states of their sentences. */
export interface EncodedBatch {
  /** Side of the pictures that were encoded, pixels. */
  readonly size: number;
  readonly tasks: readonly TaskName[];
  /** [B, Z, h, w], NOT scaled: the photo's posterior mode. */
  readonly imageLatents: Float32Array;
  /** [B, Z, h, w], NOT scaled: mean of the target's posterior. */
  readonly targetMean: Float32Array;
  /** [B, Z, h, w]; null where only the mode was stored. */
  readonly targetLogvar: Float32Array | null;
  /** [B, 1, h, w]: means of the pixel weights. */
  readonly latentWeights: Float32Array;
  /** [B, L, D] */
  readonly textStates: Float32Array;
  /** [L, D], of the empty sentence, for text dropout. */
  readonly emptyStates: Float32Array;
}

export function isEncoded(batch: object): batch is EncodedBatch {
  return "imageLatents" in batch;
}
