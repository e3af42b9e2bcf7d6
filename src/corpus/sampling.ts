/** Which questions are asked of a photo: every visible category, and categories known to be absent, in balance. */
import type { AnnotatedBox, LabelledPhoto } from "../datasets/sample.js";
import type { Size } from "../image/picture.js";
import type { Rng } from "../random.js";
import type { TaskName } from "../tasks/task.js";

export interface SamplingPolicy {
  /** A category smaller than this share of the photo is not asked about at all: too small to see at corpus size. */
  readonly minArea: number;
  /** A category with a box narrower than this many corpus pixels is not asked for its boxes: outlines would fill it. */
  readonly minBoxSide: number;
  /** ... nor one with more boxes than this: outlines would cover one another. */
  readonly maxBoxes: number;
  /** At most this many present categories a photo and task, drawn at random. */
  readonly maxPerTask: number;
  /** Absent categories asked for each present one. */
  readonly negatives: Readonly<Record<Exclude<TaskName, "depth">, number>>;
}

export const defaultPolicy: SamplingPolicy = {
  minArea: 0.005,
  minBoxSide: 6,
  maxBoxes: 8,
  maxPerTask: 4,
  negatives: { segmentation: 0.2, detection: 0.2, classification: 1 },
};

/** One question: `negative` when `category` is known to be absent. */
export interface Question {
  readonly task: TaskName;
  readonly category: string | null;
  readonly negative: boolean;
}

/** What of a photo's labels decides the questions. */
export interface PhotoFacts extends Size {
  readonly masks?: ReadonlyMap<string, Uint8Array>;
  readonly boxes?: readonly AnnotatedBox[];
}

/** How many photos of each dataset know a category, and how many show it. */
export class Frequencies {
  private readonly known = new Map<string, number>();
  private readonly present = new Map<string, number>();

  constructor(photos: readonly LabelledPhoto[]) {
    for (const photo of photos) {
      for (const category of photo.known) bump(this.known, `${photo.dataset}/${category}`);
      for (const category of photo.present) bump(this.present, `${photo.dataset}/${category}`);
    }
  }

  /**
   * Weight of an absent category: photos that show it over photos that do not, so that each category is asked about
   * as often where it is absent as where it is present and the question alone tells nothing.
   */
  absentWeight(dataset: string, category: string): number {
    const shown = this.present.get(`${dataset}/${category}`) ?? 0;
    return shown / Math.max(1, (this.known.get(`${dataset}/${category}`) ?? 0) - shown);
  }
}

/** The questions to ask of `photo`, in a stable order; `size` is the side of the corpus pictures. */
export function questionsFor(
  photo: LabelledPhoto,
  facts: PhotoFacts,
  frequencies: Frequencies,
  size: number,
  policy: SamplingPolicy,
  rng: Rng,
): Question[] {
  const large = (category: string) => !facts.masks || share(facts.masks.get(category)) >= policy.minArea;
  const questions: Question[] = [];
  const ask = (task: Exclude<TaskName, "depth">, askable: readonly string[], candidates: readonly string[]) => {
    const chosen = rng.shuffle(candidates).slice(0, policy.maxPerTask);
    const absent = askable.filter((category) => !photo.present.includes(category));
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
      return boxes.length > 0 && boxes.length <= policy.maxBoxes && boxes.every((b) => clear(b, facts, size, policy));
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
function share(mask: Uint8Array | undefined): number {
  if (!mask) return 0;
  let count = 0;
  for (const value of mask) if (value === 1) count++;
  return count / mask.length;
}

function clear(box: AnnotatedBox, { width, height }: Size, size: number, { minBoxSide }: SamplingPolicy): boolean {
  const [x1, y1, x2, y2] = box.xyxy;
  return !box.ignore && Math.min(((x2 - x1) * size) / width, ((y2 - y1) * size) / height) >= minBoxSide;
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

function bump(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
