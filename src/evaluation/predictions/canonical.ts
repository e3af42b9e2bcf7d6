/** The precision that answers are scored in: what a PNG holds, so that stored and exported answers score exactly as fresh ones. */
import type { Size } from "../../image/picture.js";
import type { TaskResult } from "../../tasks/task.js";
import type { Answer } from "../predictor.js";

/** Depth beyond this does not fit 16 bits of millimetres. */
const FARTHEST = 65.535;

/** Probabilities of pixels in steps of 1/255, metres in millimetres; or why the answer cannot be scored. */
export function canonical(
  answer: Answer | TaskResult,
  size: Size,
): { readonly answer: Answer } | { readonly fault: string } {
  const pixels = size.width * size.height;
  const sized = (found: number) => `a map of ${found} pixels for a photo of ${size.width}x${size.height}`;
  switch (answer.task) {
    case "segmentation": {
      const { task, mask, probability } = answer;
      for (const map of [mask, probability]) if (map.length !== pixels) return { fault: sized(map.length) };
      const bad = count(probability, (p) => !(p >= 0 && p <= 1));
      if (bad > 0) return { fault: `${bad} pixels are no probability from 0 to 1` };
      return { answer: { task, mask, probability: probability.map((p) => Math.fround(Math.round(p * 255) / 255)) } };
    }
    case "depth": {
      const { task, metres } = answer;
      if (metres.length !== pixels) return { fault: sized(metres.length) };
      const bad = count(metres, (m) => !Number.isFinite(m) || m < 0);
      if (bad > 0) return { fault: `${bad} pixels are no distance: negative, infinite or not a number` };
      return { answer: { task, metres: metres.map((m) => Math.round(Math.min(m, FARTHEST) * 1000) / 1000) } };
    }
    case "detection": {
      const boxes = answer.boxes.map(({ xyxy, score }) => ({ xyxy, score }));
      const bad = boxes.find(
        ({ xyxy, score }) =>
          !(Number.isFinite(score) && xyxy.every(Number.isFinite) && xyxy[2] >= xyxy[0] && xyxy[3] >= xyxy[1]),
      );
      return bad
        ? { fault: `no box: [${bad.xyxy.join(", ")}] with score ${bad.score}` }
        : { answer: { task: "detection", boxes } };
    }
    case "classification": {
      const { task, present, probability } = answer;
      if (!(probability >= 0 && probability <= 1)) return { fault: `${probability} is no probability from 0 to 1` };
      return { answer: { task, present, probability } };
    }
  }
}

function count(values: Float32Array, bad: (value: number) => boolean): number {
  let found = 0;
  for (let i = 0; i < values.length; i++) if (bad(values[i]!)) found++;
  return found;
}
