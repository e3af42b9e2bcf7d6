/** How far two networks' answers to the same questions agree, task by task. */
import type { Xyxy } from "../../image/picture.js";
import type { DetectionResult, TaskName, TaskResult } from "../../tasks/task.js";

export interface Agreement {
  readonly task: TaskName;
  /** What `value` is, in words. */
  readonly measure: string;
  readonly value: number;
  /** Answers compared. */
  readonly n: number;
}

type Of<T extends TaskName> = Extract<TaskResult, { task: T }>;
type Measures = { readonly [T in TaskName]: { measure: string; of(float: Of<T>, int8: Of<T>): number } };

const measures: Measures = {
  segmentation: { measure: "IoU of the masks", of: ({ mask: a }, { mask: b }) => maskIou(a, b) },
  detection: { measure: "boxes in common", of: commonBoxes },
  depth: { measure: "mean relative difference of metres", of: ({ metres: a }, { metres: b }) => relative(a, b) },
  classification: { measure: "same answers", of: (a, b) => Number(a.present === b.present) },
};

/** Means over the pairs of each task. */
export function agreementOf(pairs: readonly (readonly [float: TaskResult, int8: TaskResult])[]): Agreement[] {
  return (Object.keys(measures) as TaskName[]).flatMap((task) => {
    const own = pairs.filter(([a]) => a.task === task);
    if (own.length === 0) return [];
    const { measure, of } = measures[task];
    const value = own.reduce((sum, [a, b]) => sum + of(a as never, b as never), 0) / own.length;
    return [{ task, measure, value, n: own.length }];
  });
}

/** Two empty masks agree. */
function maskIou(a: Uint8Array, b: Uint8Array): number {
  let both = 0;
  let either = 0;
  for (const [i, value] of a.entries()) {
    both += value & b[i]!;
    either += value | b[i]!;
  }
  return either === 0 ? 1 : both / either;
}

/** Share of the boxes at least half as sure as the best that have a counterpart of IoU >= 0.5; 1 when there are none. */
function commonBoxes(a: DetectionResult, b: DetectionResult): number {
  const sure = ({ boxes }: DetectionResult) =>
    boxes.filter(({ score }) => score >= boxes[0]!.score / 2).map(({ xyxy }) => xyxy);
  const [mine, theirs] = [sure(a), sure(b)];
  const total = mine.length + theirs.length;
  if (total === 0) return 1;
  const matched = new Set<Xyxy>();
  for (const box of mine) {
    const match = theirs.find((other) => !matched.has(other) && boxIou(box, other) >= 0.5);
    if (match) matched.add(match);
  }
  return (2 * matched.size) / total;
}

function boxIou(a: Xyxy, b: Xyxy): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const both = Math.max(0, width) * Math.max(0, height);
  const area = ([x1, y1, x2, y2]: Xyxy) => (x2 - x1) * (y2 - y1);
  return both / (area(a) + area(b) - both);
}

function relative(a: Float32Array, b: Float32Array): number {
  let difference = 0;
  let total = 0;
  for (const [i, value] of a.entries()) {
    difference += Math.abs(b[i]! - value);
    total += value;
  }
  return difference / total;
}
