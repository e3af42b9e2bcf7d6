/** What a split holds, counted while it streams by. */
import { taskNames } from "../../tasks/registry.js";
import type { TaskName } from "../../tasks/task.js";
import type { CorpusRecord } from "../record.js";
import { SeenKeys } from "../seen-keys.js";

/** Records that ask about something in the photo, and about something that is not. */
export interface Balance {
  present: number;
  absent: number;
}

/** Upper ends of the classes of photo sizes: pixels of the longer side. */
const sides = [128, 256, 512, 1024, 2048, Number.POSITIVE_INFINITY];

export class Statistics {
  records = 0;
  readonly tasks = new Map<TaskName, Balance>();
  /** Over all tasks. */
  readonly categories = new Map<string, Balance>();
  readonly wordings = new Map<string, number>();
  /** Sentences with % for the category, * and # for the colours of yes and no. */
  readonly sentences = new Map<string, number>();
  readonly datasets = new Map<string, { photos: number; records: number }>();
  readonly sizes = new Map<string, number>();
  readonly shapes = new Map<string, number>([
    ["landscape", 0],
    ["portrait", 0],
    ["square", 0],
  ]);
  private readonly photos = new SeenKeys();

  constructor() {
    for (const task of taskNames) this.tasks.set(task, { present: 0, absent: 0 });
    for (const side of sides) this.sizes.set(sideName(side), 0);
  }

  add(record: CorpusRecord): void {
    this.records++;
    const { category } = record.slots;
    const side = record.negative ? "absent" : "present";
    this.tasks.get(record.task)![side]++;
    if (category !== null) {
      const balance = this.categories.get(category) ?? { present: 0, absent: 0 };
      balance[side]++;
      this.categories.set(category, balance);
    }
    bump(this.wordings, record.wording);
    bump(this.sentences, patternOf(record));
    const dataset = this.datasets.get(record.dataset) ?? { photos: 0, records: 0 };
    dataset.records++;
    if (this.photos.add(record.photo)) {
      dataset.photos++;
      this.addSize(record.size);
    }
    this.datasets.set(record.dataset, dataset);
  }

  get photoCount(): number {
    return this.photos.size;
  }

  private addSize([width, height]: readonly [number, number]): void {
    bump(this.sizes, sideName(sides.find((side) => Math.max(width, height) <= side)!));
    bump(this.shapes, width > height ? "landscape" : width < height ? "portrait" : "square");
  }
}

/** The sentence as a template. */
export function patternOf({ instruction, slots }: Pick<CorpusRecord, "instruction" | "slots">): string {
  const words = [
    [slots.category, "%"],
    [slots.positive?.name, "*"],
    [slots.negative?.name, "#"],
  ] as const;
  return words.reduce((text, [word, mark]) => (word ? text.replace(wholeWord(word), mark) : text), instruction);
}

/** Never the "cat" in "locate". */
function wholeWord(word: string): RegExp {
  return new RegExp(`(?<![\\p{L}\\p{N}])${word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}(?![\\p{L}\\p{N}])`, "giu");
}

function sideName(side: number): string {
  return Number.isFinite(side) ? `up to ${side} px` : `over ${sides.at(-2)} px`;
}

function bump(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** The entries with the largest counts, largest first; equal ones by name. */
export function top<V>(counts: ReadonlyMap<string, V>, size: (value: V) => number, count: number): [string, V][] {
  return [...counts].sort((a, b) => size(b[1]) - size(a[1]) || (a[0] < b[0] ? -1 : 1)).slice(0, count);
}
