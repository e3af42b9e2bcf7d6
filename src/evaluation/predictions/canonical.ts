/** What an answer must be to be scored, and the precision that drawn answers are scored in: what a PNG holds, so that it can be kept. */
import type { Size } from "../../image/picture.js";
import type { Xyxy } from "../../tasks/task.js";
import type { Answer } from "../predictor.js";

/**
 * Why an answer about a photo of this size cannot be scored; undefined when it can.
 * @param relative depth is fitted to the truth before it counts, so it may be below 0
 */
export function faultOf(answer: Answer, size: Size, relative = false): string | undefined {
  const pixels = size.width * size.height;
  const sized = (found: number) => `a map of ${found} pixels for a photo of ${size.width}x${size.height}`;
  switch (answer.task) {
    case "segmentation": {
      for (const map of [answer.mask, answer.probability]) if (map.length !== pixels) return sized(map.length);
      const bad = count(answer.probability, (p) => !(p >= 0 && p <= 1));
      return bad > 0 ? `${bad} pixels are no probability from 0 to 1` : undefined;
    }
    case "depth": {
      if (answer.metres.length !== pixels) return sized(answer.metres.length);
      const bad = count(answer.metres, (m) => !Number.isFinite(m) || (m < 0 && !relative));
      if (bad === 0) return undefined;
      return `${bad} pixels are ${relative ? "infinite or not a number" : "no distance: negative, infinite or not a number"}`;
    }
    case "detection": {
      const bad = answer.boxes.find(({ xyxy, score }) => !Number.isFinite(score) || !isBox(xyxy));
      return bad ? `no box: [${bad.xyxy.join(", ")}] with score ${bad.score}` : undefined;
    }
    case "classification": {
      const { probability } = answer;
      return probability >= 0 && probability <= 1 ? undefined : `${probability} is no probability from 0 to 1`;
    }
  }
}

const isBox = ([x1, y1, x2, y2]: Xyxy) => [x1, y1, x2, y2].every(Number.isFinite) && x2 >= x1 && y2 >= y1;

function count(values: Float32Array, bad: (value: number) => boolean): number {
  let found = 0;
  for (let i = 0; i < values.length; i++) if (bad(values[i]!)) found++;
  return found;
}

/** Depth beyond this does not fit 16 bits of millimetres. */
const FARTHEST = 65.535;
/** Parts of a pixel, a power of two: x and width then add up to x2 exactly, whatever goes through COCO's [x, y, width, height]. */
const PARTS = 1024;

/** Probabilities of pixels in steps of 1/255, metres in millimetres, corners of boxes in 1/1024 pixel; for answers without fault. */
export function rounded(answer: Answer): Answer {
  switch (answer.task) {
    case "segmentation": {
      const { task, mask, probability } = answer;
      return { task, mask, probability: probability.map((p) => Math.round(p * 255) / 255) };
    }
    case "depth": {
      const { task, metres } = answer;
      return { task, metres: metres.map((m) => Math.round(Math.min(m, FARTHEST) * 1000) / 1000) };
    }
    case "detection": {
      const part = (value: number) => Math.round(value * PARTS) / PARTS;
      const boxes = answer.boxes.map(({ xyxy: [x1, y1, x2, y2], score }) => ({
        xyxy: [part(x1), part(y1), part(x2), part(y2)] as const,
        score,
      }));
      return { task: answer.task, boxes };
    }
    case "classification":
      return { task: answer.task, present: answer.present, probability: answer.probability };
  }
}
