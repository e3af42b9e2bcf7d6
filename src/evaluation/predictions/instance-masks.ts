/** Masks of single objects, as instance segmenters write them (COCO results), put together to the mask of a category. */
import { InstructCvError } from "../../errors.js";
import type { Size } from "../../image/picture.js";
import { decodeRle, fillRuns } from "../../tasks/rle.js";
import type { AnswerOf } from "../predictor.js";
import type { Entry } from "./results.js";

/** The share of sureness at and above which an object belongs to the mask. */
const CUT = 0.5;

/**
 * The probability of a pixel is the highest score of the objects over it, the mask are the objects that score one half or more.
 * @param entries `{"segmentation": {"size": [height, width], "counts"}, "score"}`, counts compressed as pycocotools does or a list of runs
 * @throws {InstructCvError} "prediction" for a score outside 0..1, other run lengths than these, or another size than the photo's
 */
export function maskOf(entries: readonly Entry[], size: Size): AnswerOf<"segmentation"> {
  const probability = new Float32Array(size.width * size.height);
  for (const { segmentation, score } of entries) {
    if (!(typeof score === "number" && score >= 0 && score <= 1))
      throw new InstructCvError(
        "prediction",
        `segmentation.json: expected a score from 0 to 1, found ${JSON.stringify(score)}`,
      );
    const inside = decoded(segmentation, size);
    for (let i = 0; i < inside.length; i++) if (inside[i] === 1) probability[i] = Math.max(probability[i]!, score);
  }
  return { task: "segmentation", mask: Uint8Array.from(probability, (p) => (p >= CUT ? 1 : 0)), probability };
}

function decoded(segmentation: unknown, { width, height }: Size): Uint8Array {
  const { size, counts } = (segmentation ?? {}) as { readonly size?: unknown; readonly counts?: unknown };
  const fault = (found: string) =>
    new InstructCvError(
      "prediction",
      `segmentation.json: expected run lengths {"size": [${height}, ${width}], "counts"}, found ${found}`,
    );
  if (!Array.isArray(size) || !(typeof counts === "string" || Array.isArray(counts)))
    throw fault(JSON.stringify(segmentation)?.slice(0, 80));
  const [rows, columns] = size as readonly number[];
  if (rows !== height || columns !== width) {
    const hint = rows === width && columns === height ? ": height and width are swapped" : "";
    throw fault(`the size [${size.join(", ")}]${hint}`);
  }
  try {
    return typeof counts === "string"
      ? decodeRle({ size: [height, width], counts })
      : fillRuns(counts as readonly number[], { width, height });
  } catch (error) {
    throw fault((error as Error).message);
  }
}
