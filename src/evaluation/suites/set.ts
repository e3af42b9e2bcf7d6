/** A set of photos that is measured: where they come from, what is asked of them, and the suites such sets make up. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { getReader, placeOf, type ReaderName } from "../../datasets/registry.js";
import { type LabelledPhoto, Skipped } from "../../datasets/sample.js";
import type { TaskName } from "../../tasks/task.js";
import type { Asking } from "../questions.js";

export interface EvaluationSet {
  /** First part of its photos' ids, and its name in reports. */
  readonly name: string;
  /** What it is measured on; a task that a photo has no labels for is not asked of it. */
  readonly tasks: readonly TaskName[];
  readonly asked: Asking;
  /** Photos that show nothing of what is asked are asked too; else they are left out. */
  readonly everyPhoto?: boolean;
  /** Every photo shows exactly one of the categories asked: their classification has a top-1 accuracy. */
  readonly exclusive?: boolean;
  /** One of these must be under the data root: a folder, or a file that tells a layout. */
  readonly places: readonly string[];
  list(dataRoot: string): AsyncIterable<LabelledPhoto | Skipped>;
  /** Photos to learn the mean depth from; without them the baseline is a constant. */
  readonly train?: (dataRoot: string) => AsyncIterable<LabelledPhoto>;
}

export interface Suite {
  readonly name: string;
  /** What reports call it. */
  readonly title: string;
  readonly sets: readonly EvaluationSet[];
}

/** The first of the places of a set that is there. */
export function placeFound({ places }: EvaluationSet, dataRoot: string): string | undefined {
  return places.find((place) => existsSync(join(dataRoot, place)));
}

/** The photos that a reader finds in a folder, and those it had to leave out. */
export async function* listWith(
  reader: ReaderName,
  place: { readonly name: string; readonly root: string; readonly split: string },
  options: Readonly<Record<string, unknown>> = {},
): AsyncGenerator<LabelledPhoto | Skipped> {
  const { list, open } = getReader(reader);
  const checked = placeOf(reader, place, options);
  for await (const entry of list(checked)) yield entry instanceof Skipped ? entry : open(checked, entry);
}
