/** What evaluation asks of a model: an answer to a sentence about a photo. Inference's `Perceiver` is one. */
import type { Picture, Size } from "../image/picture.js";
import type {
  ClassificationResult,
  DepthResult,
  DetectedBox,
  SegmentationResult,
  TaskName,
  TaskResult,
} from "../tasks/task.js";

/** The part of a task's result that is scored; maps are row-major at the photo's size. */
export type Answer =
  | Pick<SegmentationResult, "task" | "mask" | "probability">
  | { readonly task: "detection"; readonly boxes: readonly Omit<DetectedBox, "label">[] }
  | Pick<DepthResult, "task" | "metres">
  | ClassificationResult;
export type AnswerOf<T extends TaskName> = Extract<Answer, { task: T }>;

export interface AskOptions {
  readonly steps?: number;
  readonly mirror?: boolean;
  readonly restate?: boolean;
  readonly seed: number;
  readonly signal?: AbortSignal;
}

export interface Predictor {
  perceive(image: Picture, instruction: string, options: AskOptions): Promise<Answer | TaskResult>;
}

/** What an instruction that was not understood is scored as: nothing seen, nothing measured. */
export function emptyAnswer(task: TaskName, { width, height }: Size): Answer {
  const pixels = width * height;
  switch (task) {
    case "segmentation":
      return { task, mask: new Uint8Array(pixels), probability: new Float32Array(pixels) };
    case "detection":
      return { task, boxes: [] };
    case "depth":
      return { task, metres: new Float32Array(pixels) };
    case "classification":
      return { task, present: false, probability: 0.5 };
  }
}
