/** What a check of a corpus adds up: problems, keys and photos seen, and what the codecs lose on a sample. */
import { InstructCvError } from "../../errors.js";
import { taskNames } from "../../tasks/registry.js";
import type { TaskName } from "../../tasks/task.js";
import { KeySample } from "../key-sample.js";
import type { CorpusEntry, Manifest } from "../record.js";
import { SeenKeys } from "../seen-keys.js";
import { type RecordFiles, toEntry } from "../shard-walk.js";
import { recordProblems } from "./record-problems.js";
import { measures, type RoundTrip, roundTrip } from "./round-trip.js";

/** What the pictures of a task lose of its labels. */
export interface CodecLoss {
  readonly measure: (typeof measures)[TaskName];
  /** Mean over pictures, boxes or pixels; null when the sample holds negatives only. */
  readonly value: number | null;
  readonly samples: number;
  /** Those among them whose category is absent. */
  readonly negatives: number;
}

/** So many problems of single records are listed, the others counted. */
const MAX_RECORD_PROBLEMS = 50;

export class Tally {
  /** Looked at so far. */
  records = 0;
  private readonly found: string[] = [];
  private foundInRecords = 0;
  private readonly keys = new SeenKeys();
  private readonly photos: ReadonlyMap<string, SeenKeys>;
  private readonly samples: ReadonlyMap<TaskName, KeySample<RoundTrip>>;
  private lastImage: Buffer | undefined;

  /** Compares the drawings of at most `samples` records of each task. */
  constructor(
    private readonly manifest: Manifest,
    samples: number,
    seed: number,
  ) {
    this.photos = new Map(Object.keys(manifest.splits).map((split) => [split, new SeenKeys()]));
    this.samples = new Map(taskNames.map((task) => [task, new KeySample<RoundTrip>(samples, seed)]));
  }

  report(problem: string): void {
    this.found.push(problem);
  }

  problems(): readonly string[] {
    const more = this.foundInRecords - MAX_RECORD_PROBLEMS;
    return more > 0 ? [...this.found, `... and ${more} more problems of records`] : this.found;
  }

  photosOf(split: string): number {
    return this.photos.get(split)!.size;
  }

  /** Neighbouring records of a shard, looked at side by side. */
  async add(batch: readonly RecordFiles[], split: string, file: string): Promise<void> {
    const entries = batch.map(toEntry);
    const problems = await Promise.all(
      entries.map((entry, i) => {
        if (Array.isArray(entry)) return entry;
        return this.look(entry, i > 0 ? batch[i - 1]!.members.get("image.jpg") : this.lastImage);
      }),
    );
    this.lastImage = batch.at(-1)!.members.get("image.jpg");
    for (const [i, entry] of entries.entries()) {
      const all = Array.isArray(entry) ? problems[i]! : [...problems[i]!, ...this.repetitions(entry, split)];
      for (const problem of all) this.reportRecord(`${file}: record ${batch[i]!.key}: ${problem}`);
    }
    this.records += batch.length;
  }

  losses(): Partial<Record<TaskName, CodecLoss>> {
    const losses: Partial<Record<TaskName, CodecLoss>> = {};
    for (const [task, sample] of this.samples) {
      const trips = sample.items();
      if (trips.length === 0) continue;
      const sum = trips.reduce((total, trip) => total + trip.sum, 0);
      const count = trips.reduce((total, trip) => total + trip.count, 0);
      losses[task] = {
        measure: measures[task],
        value: count > 0 ? sum / count : null,
        samples: trips.length,
        negatives: trips.filter(({ negative }) => negative).length,
      };
    }
    return losses;
  }

  /** The records of a photo follow each other and have the same picture, which is decoded once. */
  private async look(entry: CorpusEntry, imageBefore: Buffer | undefined): Promise<string[]> {
    const { record } = entry;
    const problems = await recordProblems(entry, this.manifest.size, imageBefore?.equals(entry.image) ?? false);
    const sample = this.samples.get(record.task);
    if (problems.length > 0 || !sample?.wants(record.key)) return problems;
    try {
      const trip = await roundTrip(entry, this.manifest);
      sample.add(record.key, trip);
      return trip.problem ? [trip.problem] : [];
    } catch (error) {
      if (!(error instanceof InstructCvError)) throw error;
      return [error.message];
    }
  }

  private repetitions({ record: { key, photo } }: CorpusEntry, split: string): string[] {
    const problems = this.keys.add(key) ? [] : ["the key comes twice"];
    if (!this.photos.get(split)!.add(photo)) return problems;
    const other = [...this.photos].find(([name, photos]) => name !== split && photos.has(photo));
    return other ? [...problems, `its photo ${photo} is in ${other[0]} and in ${split}`] : problems;
  }

  private reportRecord(problem: string): void {
    if (this.foundInRecords++ < MAX_RECORD_PROBLEMS) this.report(problem);
  }
}
