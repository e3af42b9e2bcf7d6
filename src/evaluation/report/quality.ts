/** How good one answer is, as a number to rank pictures by and to show beside them. */
import { errorsOf } from "../metrics/depth.js";
import { matchingOf } from "../records/matchings.js";
import type { QuestionRecord } from "../records/record.js";

export interface Quality {
  /** Higher is better. */
  readonly rank: number;
  /** `IoU 0.812`. */
  readonly text: string;
}

/** Undefined for records without facts, for label maps, and where there is nothing to judge (no object and no box, no valid pixel). */
export function qualityOf(record: QuestionRecord): Quality | undefined {
  const { facts } = record;
  switch (facts?.kind) {
    case "mask":
      return facts.union === 0 ? undefined : higher("IoU", facts.intersection / facts.union);
    case "depth": {
      const { rmse } = errorsOf(facts);
      return Number.isNaN(rmse) ? undefined : { rank: -rmse, text: `RMSE ${rmse.toFixed(3)} m` };
    }
    case "boxes": {
      const { verdicts, objects } = matchingOf({ record, facts });
      const hits = verdicts[0]!.filter((verdict) => verdict === "hit").length;
      const wrong = verdicts[0]!.filter((verdict) => verdict === "false").length;
      if (objects + hits + wrong === 0) return undefined;
      return higher("F1 at IoU 0.5", (2 * hits) / (objects + hits + wrong));
    }
    case "presence":
      return higher("probability of the truth", record.present ? facts.probability : 1 - facts.probability);
    default:
      return undefined;
  }
}

const higher = (what: string, value: number): Quality => ({ rank: value, text: `${what} ${value.toFixed(3)}` });
