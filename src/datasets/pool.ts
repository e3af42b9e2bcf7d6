/** The pool of small real datasets that development and evaluation use: where each lies and what its splits are called. */
import { join } from "node:path";
import { InstructCvError } from "../errors.js";
import { getReader, placeOf, type ReaderName } from "./registry.js";
import { type LabelledPhoto, type Place, photosOf, Skipped } from "./sample.js";

export type PoolSplit = "train" | "test";

interface PoolSet {
  readonly reader: ReaderName;
  /** Folder under the data root. */
  readonly folder: string;
  /** The set's own names of the pool's splits. */
  readonly splits: Readonly<Record<PoolSplit, string>>;
  readonly options?: Readonly<Record<string, unknown>>;
}

const sets = {
  nyuv2: { reader: "nyuv2", folder: "nyuv2", splits: { train: "train", test: "dev" } },
  voc2012: {
    reader: "voc",
    folder: "voc2012-animals",
    splits: { train: "train", test: "val" },
    options: { boxed: ["cat", "cow", "dog", "horse", "sheep"] },
  },
  coco: { reader: "coco", folder: "coco", splits: { train: "train2017", test: "val2017" } },
  "oxford-pets": { reader: "oxford-pets", folder: "oxford-pets", splits: { train: "trainval", test: "test" } },
  "oxford-pets-37breeds": {
    reader: "oxford-pets-37breeds",
    folder: "oxford-pets-37breeds",
    splits: { train: "train", test: "test" },
    options: { without: "../oxford-pets" },
  },
} as const satisfies Readonly<Record<string, PoolSet>>;

export type DatasetName = keyof typeof sets;
export const datasetNames = Object.keys(sets) as DatasetName[];

/** Where a dataset lies under the data root, whether or not it is there. */
export const datasetFolder = (dataRoot: string, dataset: DatasetName): string => join(dataRoot, sets[dataset].folder);

/** The names of `text` that are datasets. @throws {InstructCvError} "usage" for another name. */
export function parseDatasetNames(names: readonly string[]): DatasetName[] {
  return names.map((name) => {
    if (name in sets) return name as DatasetName;
    throw new InstructCvError("usage", `Unknown dataset "${name}".`, `Known are ${datasetNames.join(", ")}.`);
  });
}

/** A dataset of the pool as a place that its reader reads. */
export function poolPlace(dataRoot: string, split: PoolSplit, dataset: DatasetName): Place {
  const { reader, splits, options }: PoolSet = sets[dataset];
  return placeOf(reader, { name: dataset, root: datasetFolder(dataRoot, dataset), split: splits[split] }, options);
}

/**
 * Streams the photos of one split of the pool, dataset by dataset, in a stable order. No photo is in both splits.
 * @param datasets all of them unless given; a missing folder is an error, never skipped.
 * @throws {InstructCvError} "dataset" naming the path that was looked for.
 */
export async function* openPool(
  dataRoot: string,
  split: PoolSplit,
  datasets: readonly DatasetName[] = datasetNames,
): AsyncGenerator<LabelledPhoto> {
  for (const dataset of datasets) {
    yield* photosOf(getReader(sets[dataset].reader), poolPlace(dataRoot, split, dataset));
  }
}

/** The photos of one split of one dataset, and in their places those that cannot be used. Errors as `openPool`. */
export async function* listPool(
  dataRoot: string,
  split: PoolSplit,
  dataset: DatasetName,
): AsyncGenerator<LabelledPhoto | Skipped> {
  const reader = getReader(sets[dataset].reader);
  const place = poolPlace(dataRoot, split, dataset);
  for await (const entry of reader.list(place)) yield entry instanceof Skipped ? entry : reader.open(place, entry);
}
