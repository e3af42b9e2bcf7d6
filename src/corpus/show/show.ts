/** Makes the page about a corpus: reads a split once, counts it and keeps a few samples of each task. */
import { basename, resolve } from "node:path";
import { taskNames } from "../../tasks/registry.js";
import type { TaskName } from "../../tasks/task.js";
import { KeySample } from "../key-sample.js";
import { openCorpus } from "../read.js";
import type { CorpusEntry } from "../record.js";
import type { Html } from "./html.js";
import { page } from "./page.js";
import { card } from "./sheet.js";
import { Statistics } from "./statistics.js";

export interface ShowOptions {
  /** Of each task; 12 unless given. */
  readonly samples?: number;
  /** `train` unless given. */
  readonly split?: string;
  /** Decides which samples; 0 unless given. */
  readonly seed?: number;
}

/**
 * One self-contained HTML page. The same corpus and options give the same text.
 * @param onProgress called with the number of records read so far and the number in the split
 * @throws {InstructCvError} "corpus" for a folder without a manifest, an unknown split or a damaged shard
 */
export async function showCorpus(
  dir: string,
  { samples: count = 12, split = "train", seed = 0 }: ShowOptions = {},
  onProgress: (done: number, total: number) => void = () => {},
  signal?: AbortSignal,
): Promise<string> {
  const { manifest, records } = await openCorpus(dir);
  const statistics = new Statistics();
  const chosen = new Map(taskNames.map((task) => [task, new KeySample<CorpusEntry>(count, seed)]));
  for await (const entry of records(split)) {
    signal?.throwIfAborted();
    statistics.add(entry.record);
    chosen.get(entry.record.task)!.add(entry.record.key, entry);
    onProgress(statistics.records, manifest.splits[split]!.records);
  }
  const samples = new Map<TaskName, Html[]>();
  for (const [task, sample] of chosen) {
    const cards: Html[] = [];
    for (const entry of sample.items()) cards.push(await card(entry, manifest));
    samples.set(task, cards);
  }
  const name = typeof manifest.config.name === "string" ? manifest.config.name : basename(resolve(dir));
  return page({ name, split, manifest, statistics, samples });
}
