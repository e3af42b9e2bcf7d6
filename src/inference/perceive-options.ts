/** How the calling thread may ask for an answer, and what it hears meanwhile. */
import type { Picture } from "../image/picture.js";
import type { Perception, PhotoSource, SamplingOptions } from "./perceive.js";

/** After a denoising step; 1-based, counted through both drawings with `mirror`. */
export interface StepProgress {
  readonly step: number;
  readonly steps: number;
  /** What the model sees by now, at the drawing's size; rough where the exact picture would cost much. Only if asked for. */
  readonly preview?: Picture;
}

export interface PerceiveOptions extends SamplingOptions {
  /** Stops between two evaluations of the network; the promise rejects with the signal's reason at once. */
  readonly signal?: AbortSignal;
  readonly onStep?: (progress: StepProgress) => void;
  /** Give `onStep` a preview. @default false */
  readonly preview?: boolean;
}

/** Answers one sentence about one photo: what `stream` and `perceiveAll` are made of. */
export interface Answering {
  perceive(image: PhotoSource, instruction: string, options: PerceiveOptions): Promise<Perception>;
}
