/** Which datasets the pool is made of, in which folder each lies and what its splits are called. */
import { join } from "node:path";
import { InstructCvError } from "../errors.js";
import { coco } from "./coco.js";
import { readList } from "./files.js";
import { nyuv2 } from "./nyuv2.js";
import { oxfordPets } from "./oxford-pets.js";
import { oxfordPets37 } from "./oxford-pets-37breeds.js";
import type { LabelledPhoto, Reader } from "./sample.js";
import { voc } from "./voc.js";

export type PoolSplit = "train" | "test";

export const readers = {
  nyuv2,
  voc2012: voc,
  coco,
  "oxford-pets": oxfordPets,
  "oxford-pets-37breeds": oxfordPets37,
} as const satisfies Readonly<Record<string, Reader>>;

export type DatasetName = keyof typeof readers;
export const datasetNames = Object.keys(readers) as DatasetName[];

/** Folder under the data root, and the set's own names of the pool's splits. */
const places: Readonly<Record<DatasetName, { folder: string; splits: Record<PoolSplit, string> }>> = {
  nyuv2: { folder: "nyuv2", splits: { train: "train", test: "dev" } },
  voc2012: { folder: "voc2012-animals", splits: { train: "train", test: "val" } },
  coco: { folder: "coco", splits: { train: "train2017", test: "val2017" } },
  "oxford-pets": { folder: "oxford-pets", splits: { train: "trainval", test: "test" } },
  "oxford-pets-37breeds": { folder: "oxford-pets-37breeds", splits: { train: "train", test: "test" } },
};

/** Where a dataset lies under the data root, whether or not it is there. */
export const datasetFolder = (dataRoot: string, dataset: DatasetName): string => join(dataRoot, places[dataset].folder);

/** The names of `text` that are datasets. @throws {InstructCvError} "usage" for another name. */
export function parseDatasetNames(names: readonly string[]): DatasetName[] {
  return names.map((name) => {
    if (name in readers) return name as DatasetName;
    throw new InstructCvError("usage", `Unknown dataset "${name}".`, `Known are ${datasetNames.join(", ")}.`);
  });
}

/**
 * Streams the photos of one split of the pool, dataset by dataset, in a stable order. No photo is in both splits: those
 * of the 37 breeds that the Pets lists name too (the same originals) are left out of the former.
 * @param datasets all of them unless given; a missing folder is an error, never skipped.
 * @throws {InstructCvError} "dataset" naming the path that was looked for.
 */
export async function* openPool(
  dataRoot: string,
  split: PoolSplit,
  datasets: readonly DatasetName[] = datasetNames,
): AsyncGenerator<LabelledPhoto> {
  for (const dataset of datasets) {
    const { folder, splits } = places[dataset];
    const photos = readers[dataset](join(dataRoot, folder), splits[split]);
    if (dataset === "oxford-pets-37breeds") {
      const twins = await petsNames(dataRoot);
      for await (const photo of photos) if (!twins.has(photo.id.replace(/^.*\//, ""))) yield photo;
    } else yield* photos;
  }
}

async function petsNames(dataRoot: string): Promise<ReadonlySet<string>> {
  const { folder, splits } = places["oxford-pets"];
  const names = new Set<string>();
  for (const split of Object.values(splits)) {
    for (const line of await readList(join(dataRoot, folder, "annotations", `${split}.txt`))) {
      names.add(line.split(/\s+/)[0]!);
    }
  }
  return names;
}
