/** One optimizer update: batches forward and backward, then clipping, AdamW and the moving average. */
import { hash32 } from "../random.js";
import { taskNames } from "../tasks/registry.js";
import type { TaskName } from "../tasks/task.js";
import type { Loader } from "./batch.js";
import { alone, type Team } from "./distributed.js";
import { drawNoise } from "./noise.js";
import type { PhotoBatch } from "./photos.js";
import { batchIndex } from "./prefetch.js";
import type { Session } from "./session.js";
import { drawsOf, photoLosses, stepLoss } from "./step.js";

/** Of the training-only heads: nats, but `extent` in squared shares of the frame. */
export interface HeadLosses {
  readonly sentence: number;
  readonly presence: number;
  readonly extent: number;
  readonly asked: number;
}

export interface UpdateOutcome {
  readonly loss: number;
  readonly tasks: readonly { readonly task: TaskName; readonly loss: number }[];
  /** Null without the training-only heads. */
  readonly auxiliary: HeadLosses | null;
  readonly gradNorm: number;
  /** Spent waiting for batches. */
  readonly loaderMs: number;
  /** Why nothing was changed: what is no number, in words; null for an update that was made. */
  readonly skipped: string | null;
  /** Present when what made the gradient norm no number is the loss scale, which is lower now. */
  readonly overflow?: true;
}

/**
 * Update number `update`, counted from 1; everything random in it follows from the seed and that number. Its world * accumulate batches
 * are dealt to the ranks in order, so 2 processes that accumulate 4 see what one that accumulates 8 sees. An update whose loss or
 * gradient norm is no number is skipped, on all ranks: weights, moments and averages stay, and it counts as done (its batches, learning
 * rate and the optimizer's bias correction are not made up for).
 */
export async function runUpdate(
  session: Session,
  loader: Loader,
  update: number,
  lr: number,
  team: Team = alone,
): Promise<UpdateOutcome> {
  const { config, torch, models, optimizer, stepOptions } = session;
  const { accumulate } = config.optimizer;
  let loaderMs = 0;
  const losses: number[] = [];
  const sentences: number[] = [];
  /** Pairs of a task's number and the loss of one sample. */
  const samples: number[] = [];
  /** Losses of the photos: weighted, presence, extent, asked. */
  let found = [0, 0, 0, 0];
  const photoPass = async () => {
    const { presence, extent, asked, photos } = config.loss.auxiliary;
    if (!models.auxiliary || photos === 0) return;
    const before = performance.now();
    const batch = shareOfPhotos(await loader.photos(update - 1, photos), team);
    loaderMs += performance.now() - before;
    torch.tidy(() => {
      const { ops } = torch;
      const losses = photoLosses(ops, models, batch, stepOptions);
      const shown = ops.add(ops.mul(losses.presence, presence), ops.mul(losses.extent, extent));
      const weighted = losses.asked ? ops.add(shown, ops.mul(losses.asked, asked)) : shown;
      torch.backward(optimizer.scaled(weighted));
      found = [weighted, losses.presence, losses.extent, losses.asked].map((one) => (one ? torch.item(one) : 0));
    });
  };
  for (let i = 0; i < accumulate; i++) {
    const last = i === accumulate - 1;
    // The batch goes last: it reaches nearly every weight, so that their gradients can leave while others are computed.
    if (last) await photoPass();
    const index = batchIndex(update, i, accumulate, team);
    const before = performance.now();
    const batch = await loader.batch(index);
    loaderMs += performance.now() - before;
    torch.tidy(() => {
      torch.manualSeed(hash32(`${config.seed}/noise/${index}`));
      const side = batch.size / models.codec.factor;
      const noise = drawNoise(torch, models, config.loss, [
        batch.tasks.length,
        config.model.unet.out_channels,
        side,
        side,
      ]);
      const draws = drawsOf(config.seed, index, batch.tasks.length, stepOptions);
      const result = stepLoss(torch.ops, models, batch, draws, noise, stepOptions);
      const backward = () =>
        torch.backward(optimizer.scaled(accumulate === 1 ? result.loss : torch.ops.div(result.loss, accumulate)));
      if (last) team.lastBackward(optimizer.slots, backward);
      else backward();
      losses.push(torch.item(result.loss));
      sentences.push(result.sentence ? torch.item(result.sentence) : 0);
      for (const [b, value] of torch.read(result.perSample).entries())
        samples.push(taskNames.indexOf(batch.tasks[b]!), value);
    });
  }
  const all = team.gather([...found, ...losses, ...sentences, ...samples]);
  const photoLoss = (i: number) => all.reduce((sum, row) => sum + row[i]! / team.world, 0);
  const meanFrom = (start: number) =>
    all.flatMap((row) => row.slice(start, start + accumulate)).reduce((sum, x) => sum + x / accumulate / team.world, 0);
  const tasks = all.flatMap((row) => pairs(row.slice(found.length + 2 * accumulate)));
  const loss = meanFrom(found.length) + photoLoss(0);
  const sentence = meanFrom(found.length + accumulate);
  const auxiliary = models.auxiliary
    ? { sentence, presence: photoLoss(1), extent: photoLoss(2), asked: photoLoss(3) }
    : null;
  const outcome = { loss, tasks, auxiliary, loaderMs };
  team.averageGradients(optimizer.slots);
  if (!Number.isFinite(loss)) {
    optimizer.skip();
    return { ...outcome, gradNorm: Number.NaN, skipped: `the loss is ${loss}` };
  }
  const { lossScale } = optimizer;
  const [magnified, scale] = [lossScale?.magnifies, lossScale?.state.scale];
  const gradNorm = optimizer.step(update, lr);
  if (Number.isFinite(gradNorm)) return { ...outcome, gradNorm, skipped: null };
  const skipped = `the gradient norm is ${gradNorm}${lossScale ? ` with the loss scaled by ${scale}` : ""}`;
  return { ...outcome, gradNorm, skipped, ...(magnified && { overflow: true }) };
}

const pairs = (row: readonly number[]) =>
  Array.from({ length: row.length / 2 }, (_, i) => ({ task: taskNames[row[2 * i]!]!, loss: row[2 * i + 1]! }));

/** Its part of an update's photos, or all of them on every rank when they cannot be dealt evenly: their losses are means. */
function shareOfPhotos(photos: PhotoBatch, { rank, world }: Team): PhotoBatch {
  const count = photos.shown.length;
  if (count % world !== 0) return photos;
  const part = <T extends PhotoBatch[keyof PhotoBatch]>(values: T): T => {
    const each = values.length / world;
    return values.slice(rank * each, (rank + 1) * each) as T;
  };
  return {
    shown: part(photos.shown),
    image: part(photos.image),
    extents: part(photos.extents),
    ids: part(photos.ids),
    questions: part(photos.questions),
  };
}
