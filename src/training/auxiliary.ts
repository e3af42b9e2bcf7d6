/**
 * Training-only heads with plain labels. The sentence's vector must tell the task, the category and the colours; the middle of
 * the UNet must tell which categories a photo shows, and where, without an instruction or with one that does not give the answer away
 * (photos.ts), and whether it shows what that instruction asks for. All teach the shared weights faster than pictures alone do when data
 * are few; an exported model does not have them.
 */
import { Linear } from "../models/layers.js";
import { Module } from "../models/module.js";
import { palette, slotColours } from "../tasks/colours.js";
import { taskNames } from "../tasks/registry.js";
import type { Xyxy } from "../tasks/task.js";
import type { Ops, Tensor } from "../tensor/tensor.js";
import type { Batch } from "./batch.js";
import { type Presence, presentIn } from "./presence.js";

/** Linear heads on the sentence's vector [B, T] and on the UNet's middle [B, C, h, w]: `middle` is its [C, h, w]. */
export class AuxiliaryHeads extends Module {
  readonly task: Linear;
  readonly category: Linear;
  readonly positive: Linear;
  readonly negative: Linear;
  readonly presence: Linear;
  readonly extent: Linear;
  readonly asked: Linear;
  readonly #presence: Presence;

  constructor(presence: Presence, textFeatures: number, middle: readonly [number, number, number]) {
    super();
    this.task = new Linear(textFeatures, taskNames.length);
    this.category = new Linear(textFeatures, presence.categories.length);
    this.positive = new Linear(textFeatures, palette.length);
    this.negative = new Linear(textFeatures, palette.length);
    this.presence = new Linear(middle[0], presence.categories.length);
    this.extent = new Linear(middle[0] * middle[1] * middle[2], presence.categories.length * 4);
    this.asked = new Linear(middle[0], 1);
    this.#presence = presence;
  }

  /** Cross-entropy in nats, summed over what each sentence states (task; category; colours), mean over B. */
  sentenceLoss(ops: Ops, text: Tensor, batch: Batch, keepText: readonly boolean[]): Tensor {
    const { categories } = this.#presence;
    const stated = (i: number) => (keepText[i] ? 1 : 0);
    const asks = (i: number) => (batch.tasks[i] === "classification" ? stated(i) : 0);
    const colour = (i: number, side: "positive" | "negative") => {
      const { name } = slotColours(batch.slots[i]!)[side];
      return palette.findIndex((entry) => entry.name === name);
    };
    const category = (i: number) => categories.indexOf(batch.slots[i]!.category ?? "");
    const losses = [
      crossEntropy(ops, this.task.forward(ops, text), (i) => taskNames.indexOf(batch.tasks[i]!), stated),
      crossEntropy(ops, this.category.forward(ops, text), category, (i) => (category(i) < 0 ? 0 : stated(i))),
      crossEntropy(ops, this.positive.forward(ops, text), (i) => colour(i, "positive"), asks),
      crossEntropy(ops, this.negative.forward(ops, text), (i) => colour(i, "negative"), asks),
    ];
    return losses.reduce((sum, loss) => ops.add(sum, loss));
  }

  /**
   * Binary cross-entropy in nats, summed over the categories known for each frame, mean over the frames. `shown`: ids of the photos
   * in each. A frame shows what one of its photos shows, and does not what none does.
   */
  presenceLoss(ops: Ops, middle: Tensor, shown: readonly (readonly string[])[]): Tensor {
    const logits = this.presence.forward(ops, ops.cast(ops.mean(middle, [2, 3]), "float32"));
    const { categories } = this.#presence;
    const [B, K] = logits.shape as [number, number];
    const facts = shown.flatMap((photos) => categories.map((name) => presentIn(this.#presence, photos, name)));
    const known = ops.constant(
      Float32Array.from(facts, (fact) => (fact === undefined ? 0 : 1)),
      [B, K],
    );
    const present = ops.constant(
      Float32Array.from(facts, (fact) => (fact ? 1 : 0)),
      [B, K],
    );
    return ops.div(ops.sum(ops.mul(binaryCrossEntropy(ops, logits, present), known)), B);
  }

  /** Binary cross-entropy in nats of whether each frame shows what its sentence asks for, mean over B. */
  askedLoss(ops: Ops, middle: Tensor, present: readonly boolean[]): Tensor {
    const logits = this.asked.forward(ops, ops.cast(ops.mean(middle, [2, 3]), "float32"));
    const wanted = ops.constant(Float32Array.from(present, Number), [present.length, 1]);
    return ops.mean(binaryCrossEntropy(ops, logits, wanted), [0, 1]);
  }

  /**
   * Squared error of the box around all that is annotated of a category, as shares of the frame, summed over the four edges and
   * the categories with a box, mean over B.
   */
  extentLoss(ops: Ops, middle: Tensor, extents: readonly ReadonlyMap<string, Xyxy>[]): Tensor {
    const { categories } = this.#presence;
    const [B, ...rest] = middle.shape as [number, number, number, number];
    const features = rest.reduce((product, n) => product * n, 1);
    const found = this.extent.forward(ops, ops.cast(ops.reshape(middle, [B, features]), "float32"));
    const boxes = extents.flatMap((row) => categories.map((category) => row.get(category)));
    const wanted = ops.constant(Float32Array.from(boxes.flatMap((box) => box ?? [0, 0, 0, 0])), found.shape);
    const known = ops.constant(Float32Array.from(boxes.flatMap((box) => Array(4).fill(box ? 1 : 0))), found.shape);
    const error = ops.mul(ops.sub(found, wanted), known);
    return ops.div(ops.sum(ops.mul(error, error)), B);
  }
}

/** softplus(x) - x y, with softplus(x) = max(x, 0) + log(1 + exp(-|x|)). */
function binaryCrossEntropy(ops: Ops, logits: Tensor, wanted: Tensor): Tensor {
  const positivePart = ops.relu(logits);
  const magnitude = ops.add(positivePart, ops.relu(ops.neg(logits)));
  const softplus = ops.add(positivePart, ops.log(ops.add(ops.exp(ops.neg(magnitude)), 1)));
  return ops.sub(softplus, ops.mul(logits, wanted));
}

/** -log softmax(logits_BK)[label], weighted by row, mean over B. */
function crossEntropy(ops: Ops, logits: Tensor, label: (i: number) => number, weight: (i: number) => number): Tensor {
  const [B, K] = logits.shape as [number, number];
  const chosen = new Float32Array(B * K);
  for (let i = 0; i < B; i++) if (weight(i) > 0) chosen[i * K + label(i)] = weight(i);
  const likely = ops.log(ops.add(ops.softmax(ops.cast(logits, "float32"), 1), 1e-9));
  return ops.neg(ops.div(ops.sum(ops.mul(likely, ops.constant(chosen, [B, K]))), B));
}
