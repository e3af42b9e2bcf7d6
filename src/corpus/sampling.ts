/** Which questions are asked of a photo: every visible category, and categories known to be absent, in balance. */
import type { AnnotatedBox, LabelledPhoto, OwnQuestion } from "../datasets/sample.js";
import type { Size } from "../image/picture.js";
import type { Rng } from "../random.js";
import type { TaskName } from "../tasks/task.js";
import type { CorpusConfig } from "./config.js";

export type SamplingPolicy = CorpusConfig["sampling"];

/** One question: `negative` when `category` is known to be absent. */
export type Question = OwnQuestion;

/** What of a photo's labels decides the questions. */
export interface PhotoFacts extends Size {
  readonly masks?: ReadonlyMap<string, Uint8Array>;
  readonly boxes?: readonly AnnotatedBox[];
}

/** How many photos of each dataset know a category, and how many show it; plain counts, so that they can be sent to a thread. */
export class Frequencies {
  private readonly presentIn = new Map<string, number>();
  private readonly knownIn = new Map<string, number>();
  /** Photos in a row that share a label space, not yet counted: a million photos of ImageNet know a thousand categories each. */
  private run: { readonly dataset: string; readonly known: readonly string[]; photos: number } | undefined;

  add({ dataset, known, present }: LabelledPhoto): void {
    if (this.run?.known !== known || this.run.dataset !== dataset) {
      this.countRun();
      this.run = { dataset, known, photos: 0 };
    }
    this.run.photos++;
    for (const category of present) bump(this.presentIn, `${dataset}/${category}`, 1);
  }

  private countRun(): void {
    if (!this.run) return;
    for (const category of this.run.known) bump(this.knownIn, `${this.run.dataset}/${category}`, this.run.photos);
    this.run = undefined;
  }

  /**
   * Weight of an absent category: photos that show it over photos that do not, so that each category is asked about
   * as often where it is absent as where it is present and the question alone tells nothing.
   */
  absentWeight(dataset: string, category: string): number {
    this.countRun();
    const shown = this.presentIn.get(`${dataset}/${category}`) ?? 0;
    return shown / Math.max(1, (this.knownIn.get(`${dataset}/${category}`) ?? 0) - shown);
  }

  /** For `Frequencies.of` in another thread. */
  counts(): FrequencyCounts {
    this.countRun();
    return { present: this.presentIn, known: this.knownIn };
  }

  static of({ present, known }: FrequencyCounts): Frequencies {
    const frequencies = new Frequencies();
    for (const [key, count] of present) frequencies.presentIn.set(key, count);
    for (const [key, count] of known) frequencies.knownIn.set(key, count);
    return frequencies;
  }
}

export interface FrequencyCounts {
  readonly present: ReadonlyMap<string, number>;
  readonly known: ReadonlyMap<string, number>;
}

/**
 * The questions to ask of `photo`, in a stable order; `size` is the side of the corpus pictures. A category that is too small to see,
 * whose boxes cannot all be drawn, or that a crowd or a difficult object leaves unclear is neither asked for nor called absent.
 */
export function questionsFor(
  photo: LabelledPhoto,
  facts: PhotoFacts,
  frequencies: Frequencies,
  size: number,
  policy: SamplingPolicy,
  rng: Rng,
): Question[] {
  const shares = new Map([...(facts.masks ?? [])].map(([category, mask]) => [category, share(mask)]));
  const large = (category: string) => !facts.masks || (shares.get(category) ?? 0) >= policy.min_area;
  if (photo.asked) return [...photo.asked];
  const questions: Question[] = [];
  const ask = (task: Exclude<TaskName, "depth">, askable: readonly string[], candidates: readonly string[]) => {
    const allowed = (categories: readonly string[]) => categories.filter((name) => !policy.without.includes(name));
    const chosen = rng.shuffle(allowed(candidates)).slice(0, policy.max_per_task);
    const absent = allowed(askable).filter((category) => !photo.present.includes(category));
    const wanted = chosen.length * policy.negatives[task];
    const count = Math.floor(wanted) + (rng.next() < wanted % 1 ? 1 : 0);
    for (const category of chosen) questions.push({ task, category, negative: false });
    for (const category of draw(absent, (c) => frequencies.absentWeight(photo.dataset, c), count, rng)) {
      questions.push({ task, category, negative: true });
    }
  };
  if (facts.masks) {
    const masked = photo.masked ?? photo.known;
    ask(
      "segmentation",
      masked,
      photo.present.filter((c) => masked.includes(c) && large(c)),
    );
  }
  if (facts.boxes && photo.boxed) {
    const drawable = (category: string) => {
      const boxes = facts.boxes!.filter((box) => box.category === category);
      return boxes.length > 0 && boxes.length <= policy.max_boxes && boxes.every((b) => clear(b, facts, size, policy));
    };
    ask("detection", photo.boxed, photo.boxed.filter(drawable));
  }
  if (photo.depth) questions.push({ task: "depth", category: null, negative: false });
  if (photo.known.length > 0) {
    const unmasked = new Set(photo.masked && photo.known.filter((c) => !photo.masked!.includes(c)));
    ask(
      "classification",
      photo.known,
      photo.present.filter((c) => unmasked.has(c) || large(c)),
    );
  }
  return questions;
}

/** Share of the photo that a mask says is the category. */
function share(mask: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < mask.length; i++) if (mask[i] === 1) count++;
  return count / mask.length;
}

function clear(box: AnnotatedBox, { width, height }: Size, size: number, { min_box_side }: SamplingPolicy): boolean {
  const [x1, y1, x2, y2] = box.xyxy;
  return !box.ignore && Math.min(((x2 - x1) * size) / width, ((y2 - y1) * size) / height) >= min_box_side;
}

/** `count` different items, drawn one after the other by weight; fewer when fewer have a weight. */
function draw<T>(items: readonly T[], weight: (item: T) => number, count: number, rng: Rng): T[] {
  const left = items.map((item) => ({ item, weight: weight(item) })).filter((entry) => entry.weight > 0);
  const drawn: T[] = [];
  while (drawn.length < count && left.length > 0) {
    let at = rng.next() * left.reduce((sum, entry) => sum + entry.weight, 0);
    let index = 0;
    while (index < left.length - 1 && at >= left[index]!.weight) at -= left[index++]!.weight;
    drawn.push(left.splice(index, 1)[0]!.item);
  }
  return drawn;
}

function bump(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
