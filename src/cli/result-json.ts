/** The stable JSON of `instructcv run --json`: one object a line, numbers rounded to what they mean. */
import type { TaskResult } from "../tasks/task.js";

/** Paths of the files written for one answer, as they can be opened from the working folder. */
export interface Written {
  /** What the model drew, at the model's size. */
  readonly output: string;
  /** The photo with the answer over it, at the photo's size. */
  readonly overlay: string;
  /** 16-bit grey PNG in millimetres at the photo's size; depth only. */
  readonly depth?: string;
}

/** Everything a line says besides the typed result. */
export interface AnswerFacts {
  readonly image: string;
  readonly instruction: string;
  readonly category: string | null;
  readonly model: string;
  readonly steps: number;
  readonly seed: number;
  readonly timings: Readonly<Record<string, number>>;
}

/**
 * `{image, instruction, task, category, model, steps, seed, size: [w, h], result, output, overlay, timings_ms}`.
 * Shares are rounded to 4 decimals, metres to 3, pixels to 2, milliseconds to 1.
 */
export function answerToJson(facts: AnswerFacts, result: TaskResult, written: Written): string {
  const { image, instruction, category, model, steps, seed, timings } = facts;
  return JSON.stringify({
    image,
    instruction,
    task: result.task,
    category,
    model,
    steps,
    seed,
    size: [result.size.width, result.size.height],
    result: { ...resultToJson(result, written), admissibility: round(result.admissibility, 4) },
    output: written.output,
    overlay: written.overlay,
    timings_ms: Object.fromEntries(Object.entries(timings).map(([phase, ms]) => [phase, round(ms, 1)])),
  });
}

function resultToJson(result: TaskResult, written: Written): object {
  switch (result.task) {
    case "segmentation":
      return { mask: result.rle, area: result.area, score: round(result.score, 4) };
    case "detection":
      return {
        boxes: result.boxes.map(({ xyxy, score, label }) => ({
          xyxy: xyxy.map((value) => round(value, 2)),
          score: round(score, 4),
          label,
        })),
      };
    case "depth":
      return { depth: written.depth, min_m: round(result.min, 3), max_m: round(result.max, 3) };
    case "classification":
      return { present: result.present, probability: round(result.probability, 4) };
  }
}

function round(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  return Math.round(value * factor) / factor;
}
