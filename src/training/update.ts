/** One optimizer update: batches forward and backward, then clipping, AdamW and the moving average. */
import { hash32 } from "../random.js";
import type { TaskName } from "../tasks/task.js";
import type { Loader } from "./batch.js";
import type { Session } from "./session.js";
import { drawsOf, presenceLoss, stepLoss } from "./step.js";

export interface UpdateOutcome {
  readonly loss: number;
  readonly tasks: readonly { readonly task: TaskName; readonly loss: number }[];
  /** Losses of the training-only heads, nats. */
  readonly auxiliary: { readonly sentence: number; readonly presence: number } | null;
  readonly gradNorm: number;
  readonly loaderMs: number;
}

/** Update number `update`, counted from 1; everything random in it follows from the seed and that number. */
export function runUpdate(session: Session, loader: Loader, update: number, lr: number): UpdateOutcome {
  const { config, torch, models, optimizer, stepOptions } = session;
  const { accumulate } = config.optimizer;
  let loss = 0;
  let loaderMs = 0;
  const heads = { sentence: 0, presence: 0 };
  const tasks: { task: TaskName; loss: number }[] = [];
  for (let i = 0; i < accumulate; i++) {
    const index = (update - 1) * accumulate + i;
    const before = performance.now();
    const batch = loader.batch(index);
    loaderMs += performance.now() - before;
    torch.tidy(() => {
      torch.manualSeed(hash32(`${config.seed}/noise/${index}`));
      const side = batch.size / models.codec.factor;
      const noise = torch.randn([batch.tasks.length, config.model.unet.out_channels, side, side]);
      const draws = drawsOf(config.seed, index, batch.tasks.length, stepOptions);
      const result = stepLoss(torch.ops, models, batch, draws, noise, stepOptions);
      torch.backward(accumulate === 1 ? result.loss : torch.ops.div(result.loss, accumulate));
      loss += torch.item(result.loss) / accumulate;
      if (result.sentence) heads.sentence += torch.item(result.sentence) / accumulate;
      for (const [b, value] of torch.read(result.perSample).entries())
        tasks.push({ task: batch.tasks[b]!, loss: value });
    });
  }
  const { presence, photos } = config.loss.auxiliary;
  if (models.auxiliary && photos > 0) {
    const before = performance.now();
    const batch = loader.photos(update - 1, photos);
    loaderMs += performance.now() - before;
    torch.tidy(() => {
      const found = presenceLoss(torch.ops, models, batch, stepOptions);
      torch.backward(torch.ops.mul(found, presence));
      heads.presence = torch.item(found);
      loss += presence * heads.presence;
    });
  }
  const auxiliary = models.auxiliary ? heads : null;
  const gradNorm = optimizer.step(update, lr);
  return { loss, tasks, auxiliary, gradNorm, loaderMs };
}
