/** Dynamic loss scaling (arXiv 1710.03740): keeps float16 gradients from vanishing, by the rule of torch.amp.GradScaler. */
import type { TrainConfig } from "./config.js";

export type LossScaleOptions = TrainConfig["optimizer"]["loss_scale"];

export interface LossScaleState {
  /** What the loss is multiplied by, a float32 number. */
  readonly scale: number;
  /** Updates made since the scale last changed. */
  readonly made: number;
}

/** The state after an update that was made, or that was not because its gradient is no number. */
export function nextLossScale(
  { scale, made }: LossScaleState,
  wasMade: boolean,
  { growth, backoff, interval }: LossScaleOptions,
): LossScaleState {
  if (!wasMade) return { scale: Math.fround(scale * backoff), made: 0 };
  if (made + 1 < interval) return { scale, made: made + 1 };
  const grown = Math.fround(scale * growth);
  return { scale: Number.isFinite(grown) ? grown : scale, made: 0 };
}

/** Of one run; `state` goes into its checkpoints. */
export class LossScale {
  state: LossScaleState;
  readonly #options: LossScaleOptions;

  constructor(options: LossScaleOptions) {
    this.#options = options;
    this.state = { scale: options.init, made: 0 };
  }

  /**
   * Whether a gradient that is no number is the scale's doing: GradScaler cannot tell and skips without end. Here such an update is
   * nobody's fault as long as the loss was magnified; at 1 and below the gradient itself has overflowed.
   */
  get magnifies(): boolean {
    return this.state.scale > 1;
  }

  update(wasMade: boolean): void {
    this.state = nextLossScale(this.state, wasMade, this.#options);
  }
}
