/** Which sets of a suite are measured: those named, or else those that are there. */
import { join } from "node:path";
import { InstructCvError } from "../../errors.js";
import { mini, pool } from "./mini.js";
import { paper } from "./paper.js";
import { type EvaluationSet, placeFound, type Suite } from "./set.js";

export const suites = { pool, mini, paper } as const satisfies Readonly<Record<string, Suite>>;
export type SuiteName = keyof typeof suites;

export interface ChosenSets {
  readonly sets: readonly EvaluationSet[];
  /** Sets of the suite that are not under the data root, and what was looked for. */
  readonly missing: readonly { readonly name: string; readonly places: readonly string[] }[];
}

/**
 * @param names sets of the suite; a named one must be there. All that are there unless given
 * @throws {InstructCvError} "usage" for a name that the suite does not have, "dataset" when a named one or all are missing
 */
export function chooseSets(
  suite: Suite,
  dataRoot: string,
  names: readonly string[] | undefined,
  isThere = (set: EvaluationSet) => placeFound(set, dataRoot) !== undefined,
): ChosenSets {
  const unknown = names?.find((name) => suite.sets.every((set) => set.name !== name));
  if (unknown !== undefined) {
    const known = suite.sets.map(({ name }) => name).join(", ");
    throw new InstructCvError("usage", `Unknown dataset "${unknown}".`, `Known are ${known}.`);
  }
  const wanted = suite.sets.filter(({ name }) => !names || names.includes(name));
  const sets = wanted.filter(isThere);
  const missing = wanted.filter((set) => !sets.includes(set)).map(({ name, places }) => ({ name, places }));
  if (names && missing.length > 0) {
    const { name, places } = missing[0]!;
    const expected = places.map((place) => join(dataRoot, place)).join(" or ");
    throw new InstructCvError(
      "dataset",
      `${name}: expected ${expected}, found nothing.`,
      "Give the folder that holds it.",
    );
  }
  if (sets.length > 0) return { sets, missing };
  const expected = wanted.flatMap(({ places }) => places).join(", ");
  throw new InstructCvError(
    "dataset",
    `${dataRoot}: expected at least one of the folders ${expected}, found none.`,
    "Give the folder that holds the datasets.",
  );
}
