/** What a codec loses: the drawn answer of a record, decoded, against the record's own label. */
import { readGrey16 } from "../../image/io.js";
import type { DrawingStyle } from "../../tasks/registry.js";
import { decodeRle } from "../../tasks/rle.js";
import type { DetectionResult, SegmentationResult, TaskName, Xyxy } from "../../tasks/task.js";
import { decodeAnswer, ownSize, readAnswer } from "../answer.js";
import type { CorpusEntry, CorpusRecord } from "../record.js";

/** What is measured: overlap of masks, overlap of boxes, millimetres, share of right answers. */
export const measures = { segmentation: "iou", detection: "iou", depth: "mm", classification: "accuracy" } as const;

export interface RoundTrip {
  readonly task: TaskName;
  readonly negative: boolean;
  /** Sum of the measure over `count` things: pictures, boxes (detection) or pixels (depth). */
  readonly sum: number;
  readonly count: number;
  /** What must not happen at all. */
  readonly problem?: string;
}

/** @throws {InstructCvError} "image" or "dataset" when pictures or masks do not decode */
export async function roundTrip(entry: CorpusEntry, style: DrawingStyle): Promise<RoundTrip> {
  const { record } = entry;
  const { task, negative } = record;
  const answer = await readAnswer(entry);
  const result = decodeAnswer(answer, style, task === "depth" ? answer.photo : ownSize(record));
  switch (result.task) {
    case "segmentation":
      return { task, negative, ...maskOverlap(result, record) };
    case "detection":
      return { task, negative, ...boxOverlap(result, record, answer.photo.width) };
    case "depth":
      return { task, negative, ...depthError(result.metres, (await readGrey16(entry.depth!)).data) };
    case "classification": {
      const right = result.present === record.present;
      const problem = right ? undefined : `drawn as ${result.present ? "present" : "absent"}, labelled otherwise`;
      return { task, negative, sum: Number(right), count: 1, problem };
    }
  }
}

type Loss = Pick<RoundTrip, "sum" | "count" | "problem">;

/** Intersection over union at the photo's own size, ignored pixels left out; a negative has none, but must be empty. */
function maskOverlap({ mask }: SegmentationResult, { mask: label, ignore, negative }: CorpusRecord): Loss {
  const truth = decodeRle(label!);
  const skip = ignore && decodeRle(ignore);
  let shared = 0;
  let either = 0;
  for (let i = 0; i < mask.length; i++) {
    if (skip?.[i]) continue;
    shared += mask[i]! & truth[i]!;
    either += mask[i]! | truth[i]!;
  }
  if (!negative) return { sum: either === 0 ? 1 : shared / either, count: 1 };
  return { sum: 0, count: 0, problem: either > 0 ? `drawn mask of an absent thing: ${either} pixels` : undefined };
}

/** Boxes in photo pixels, paired best overlap first; one without a partner counts as 0. */
function boxOverlap({ boxes: found }: DetectionResult, { boxes, size, negative }: CorpusRecord, drawn: number): Loss {
  const [scaleX, scaleY] = [size[0] / drawn, size[1] / drawn];
  const truths = boxes!.map(([x1, y1, x2, y2]): Xyxy => [x1 * scaleX, y1 * scaleY, x2 * scaleX, y2 * scaleY]);
  const pairs = found.flatMap(({ xyxy }, f) => truths.map((truth, t) => ({ f, t, iou: boxIou(xyxy, truth) })));
  const taken = { f: new Set<number>(), t: new Set<number>() };
  let sum = 0;
  for (const { f, t, iou } of pairs.sort((a, b) => b.iou - a.iou)) {
    if (iou === 0 || taken.f.has(f) || taken.t.has(t)) continue;
    taken.f.add(f);
    taken.t.add(t);
    sum += iou;
  }
  const problem = negative && found.length > 0 ? `drawn boxes of an absent thing: ${found.length}` : undefined;
  return { sum, count: found.length + truths.length - taken.t.size, problem };
}

function boxIou(a: Xyxy, b: Xyxy): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const area = ([x1, y1, x2, y2]: Xyxy) => (x2 - x1) * (y2 - y1);
  return (width * height) / (area(a) + area(b) - width * height);
}

/** Millimetres, over the pixels whose depth is known. */
function depthError(metres: Float32Array, millimetres: Uint16Array): Loss {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < metres.length; i++) {
    if (millimetres[i] === 0) continue;
    sum += Math.abs(metres[i]! * 1000 - millimetres[i]!);
    count++;
  }
  return { sum, count };
}
