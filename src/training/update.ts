/** One optimizer update: batches forward and backward, then clipping, AdamW and the moving average. */
import { hash32 } from "../random.js";
import type { TaskName } from "../tasks/task.js";
import type { Loader } from "./batch.js";
import { drawNoise } from "./noise.js";
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
  readonly loaderMs: number;
}

/** Update number `update`, counted from 1; everything random in it follows from the seed and that number. */
export function runUpdate(session: Session, loader: Loader, update: number, lr: number): UpdateOutcome {
  const { config, torch, models, optimizer, stepOptions } = session;
  const { accumulate } = config.optimizer;
  let loss = 0;
  let loaderMs = 0;
  const heads = { sentence: 0, presence: 0, extent: 0, asked: 0 };
  const tasks: { task: TaskName; loss: number }[] = [];
  for (let i = 0; i < accumulate; i++) {
    const index = (update - 1) * accumulate + i;
    const before = performance.now();
    const batch = loader.batch(index);
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
      torch.backward(accumulate === 1 ? result.loss : torch.ops.div(result.loss, accumulate));
      loss += torch.item(result.loss) / accumulate;
      if (result.sentence) heads.sentence += torch.item(result.sentence) / accumulate;
      for (const [b, value] of torch.read(result.perSample).entries())
        tasks.push({ task: batch.tasks[b]!, loss: value });
    });
  }
  const { presence, extent, asked, photos } = config.loss.auxiliary;
  if (models.auxiliary && photos > 0) {
    const before = performance.now();
    const batch = loader.photos(update - 1, photos);
    loaderMs += performance.now() - before;
    torch.tidy(() => {
      const { ops } = torch;
      const found = photoLosses(ops, models, batch, stepOptions);
      const shown = ops.add(ops.mul(found.presence, presence), ops.mul(found.extent, extent));
      const weighted = found.asked ? ops.add(shown, ops.mul(found.asked, asked)) : shown;
      torch.backward(weighted);
      heads.presence = torch.item(found.presence);
      heads.extent = torch.item(found.extent);
      if (found.asked) heads.asked = torch.item(found.asked);
      loss += torch.item(weighted);
    });
  }
  const auxiliary = models.auxiliary ? heads : null;
  const gradNorm = optimizer.step(update, lr);
  return { loss, tasks, auxiliary, gradNorm, loaderMs };
}
