/** `vite-node compare-coco.ts CASES RESULT`: our numbers against pycocotools' for every case folder, and each results file as we write it. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  COCO_AREAS,
  type CocoEvaluation,
  type CocoTruth,
  evaluateCoco,
  type IouType,
  readCocoResults,
  readCocoTruth,
  writeCocoResults,
} from "../../src/evaluation/metrics/coco/index.js";

const AREAS = Object.keys(COCO_AREAS) as (keyof typeof COCO_AREAS)[];
const MAX_DETS = [1, 10, 100] as const;
const [IOUS, RECALLS] = [10, 101];

interface Gaps {
  case: string;
  iouType: IouType;
  /** Largest differences of the twelve numbers, and over all cells of COCOeval's arrays. */
  summary: number;
  precision: number;
  recall: number;
  scores: number;
  /** How far pycocotools is from itself when the annotations are numbered from 1, and we from that. */
  zeroIdCosts?: number;
  summaryWithoutId0?: number;
}

const [cases, result] = process.argv.slice(2) as [string, string];
const gaps: Gaps[] = [];
for (const name of (await readdir(cases)).sort()) gaps.push(await compare(name, join(cases, name)));
await writeFile(result, JSON.stringify(gaps));

async function compare(name: string, folder: string): Promise<Gaps> {
  const { iouType, zeroId, statsWithoutId0 } = JSON.parse(await readFile(join(folder, "about.json"), "utf8")) as {
    iouType: IouType;
    zeroId: boolean;
    statsWithoutId0?: number[];
  };
  const truth = await readCocoTruth(join(folder, "instances.json"), { masks: iouType === "segm" });
  const results = await readCocoResults(join(folder, "results.json"), truth);
  await writeCocoResults(join(folder, "ours.json"), results);
  const bytes = await readFile(join(folder, "expected.f64"));
  const expected = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const ours = evaluateCoco(truth, results, { iouType, zeroIdIsNoMatch: zeroId });
  const classes = truth.categories.size;
  const cells = IOUS * RECALLS * classes * AREAS.length * MAX_DETS.length;
  const table = tabulate(ours, truth);
  const stats = expected.subarray(0, 12);
  const gap: Gaps = {
    case: name,
    iouType,
    summary: largest(summaryOf(ours), stats),
    precision: largest(table.precision, expected.subarray(12, 12 + cells)),
    recall: largest(table.recall, expected.subarray(12 + cells, 12 + cells + cells / RECALLS)),
    scores: largest(table.scores, expected.subarray(12 + cells + cells / RECALLS)),
  };
  if (!statsWithoutId0) return gap;
  const standard = summaryOf(evaluateCoco(truth, results, { iouType }));
  return {
    ...gap,
    zeroIdCosts: largest(statsWithoutId0, stats),
    summaryWithoutId0: largest(standard, statsWithoutId0),
  };
}

/** -1 is pycocotools' word for "no object". */
function summaryOf({ summary }: CocoEvaluation): number[] {
  return Object.values(summary).map((value) => (Number.isNaN(value) ? -1 : value));
}

/** COCOeval's arrays, [T, R, K, A, M] and [T, K, A, M], from the cells. */
function tabulate(evaluation: CocoEvaluation, truth: CocoTruth) {
  const ids = [...truth.categories.keys()].sort((a, b) => a - b).map(String);
  const shape = { k: ids.length, a: AREAS.length, m: MAX_DETS.length };
  const precision = new Float64Array(IOUS * RECALLS * shape.k * shape.a * shape.m).fill(-1);
  const scores = precision.slice();
  const recall = new Float64Array(IOUS * shape.k * shape.a * shape.m).fill(-1);
  for (const [a, area] of AREAS.entries())
    for (const [m, maxDets] of MAX_DETS.entries())
      for (const category of evaluation.score(area, maxDets).categories) {
        const k = ids.indexOf(category.category);
        for (let t = 0; t < IOUS; t++) {
          recall[((t * shape.k + k) * shape.a + a) * shape.m + m] = category.recall[t]!;
          for (let r = 0; r < RECALLS; r++) {
            const at = (((t * RECALLS + r) * shape.k + k) * shape.a + a) * shape.m + m;
            precision[at] = category.precision[t]![r]!;
            scores[at] = category.scores[t]![r]!;
          }
        }
      }
  return { precision, recall, scores };
}

function largest(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  if (ours.length !== theirs.length) throw new Error(`${ours.length} numbers against ${theirs.length}`);
  let most = 0;
  for (let i = 0; i < ours.length; i++) {
    const gap = Math.abs(ours[i]! - theirs[i]!);
    if (!(gap <= most)) most = gap;
  }
  return most;
}
