/** What a step gives the network and asks of it, from pictures through the frozen encoders or from their stored results. */
import type { Ops, Tensor } from "../tensor/tensor.js";
import type { Batch } from "./batch.js";
import { type EncodedBatch, isEncoded } from "./encoded/batch.js";
import { drawLatents, type Models } from "./models.js";

export interface Conditioning {
  /** [B, Z, h, w], NOT scaled: the photo's posterior mode. */
  readonly image: Tensor;
  /** [B, Z, h, w], NOT scaled: a sample of the target's posterior, its mode without noise. */
  readonly target: Tensor;
  /** [B, L, D] */
  readonly text: Tensor;
}

/** `keepText[i]` false puts the empty sentence in place of sample i's; `posterior` is normal noise of the latents' shape or null. */
export function conditioningOf(
  ops: Ops,
  models: Models,
  batch: Batch | EncodedBatch,
  keepText: readonly boolean[],
  posterior: Tensor | null,
  emptyIds: readonly bigint[],
): Conditioning {
  if (isEncoded(batch)) return stored(ops, models, batch, keepText, posterior);
  const { codec } = models;
  const shape = [keepText.length, 3, batch.size, batch.size];
  return {
    image: codec.encode(ops, ops.constant(batch.image, shape)),
    target: codec.encode(ops, ops.constant(batch.target, shape), posterior),
    text: models.textEncoder.forward(ops, rowsOf(ops, batch.ids, keepText, BigInt64Array.from(emptyIds), [])),
  };
}

function stored(
  ops: Ops,
  { codec, textEncoder }: Models,
  batch: EncodedBatch,
  keepText: readonly boolean[],
  posterior: Tensor | null,
): Conditioning {
  const side = batch.size / codec.factor;
  const B = keepText.length;
  const latents = (data: Float32Array) => ops.constant(data, [B, data.length / B / side ** 2, side, side]);
  const { targetMean, targetLogvar, textStates, emptyStates } = batch;
  return {
    image: latents(batch.imageLatents),
    target: drawLatents(ops, { mean: latents(targetMean), logvar: targetLogvar && latents(targetLogvar) }, posterior),
    text: rowsOf(ops, textStates, keepText, emptyStates, [textEncoder.config.hidden_size]),
  };
}

/** [B, ..., ...tail] with the rows that are not kept replaced by `other`. */
function rowsOf<T extends Float32Array | BigInt64Array>(
  ops: Ops,
  rows: T,
  kept: readonly boolean[],
  other: T,
  tail: readonly number[],
): Tensor {
  const B = kept.length;
  const data = rows.slice() as T;
  for (const [i, keep] of kept.entries()) if (!keep) data.set(other as never, (i * rows.length) / B);
  const last = tail.reduce((product, n) => product * n, 1);
  return ops.constant(data, [B, rows.length / B / last, ...tail]);
}
