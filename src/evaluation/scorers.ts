/** From records to the rows of a report: which metrics each task is measured by. */
import type { TaskName } from "../tasks/task.js";
import { matchBoxes } from "./metrics/box-matching.js";
import { PresenceMeter } from "./metrics/classification.js";
import { addSums, errorsOf, noSums } from "./metrics/depth.js";
import { ALL_AREAS, COCO_IOUS, scoreMatchings } from "./metrics/detection.js";
import { type Matching, MOST_DETECTIONS } from "./metrics/matching.js";
import { paperAccuracy, paperDetections } from "./metrics/paper-style/index.js";
import { groupBy, mean } from "./metrics/statistics.js";
import type { AnswerOf } from "./predictor.js";
import type { Question } from "./questions.js";
import { mapScores } from "./records/map-scores.js";
import { measure } from "./records/measure.js";
import { type FactsOf, factsOf, type QuestionRecord } from "./records/record.js";

export interface Score {
  readonly metric: string;
  /** NaN when there was nothing to measure. */
  readonly value: number;
  /** Queries behind the value. */
  readonly n: number;
}

const PRESENT = "(present classes asked)";
const ALL = "(all classes asked)";

/**
 * The scores of one task from the records of one dataset and wording, headline first; records without facts count nowhere.
 * @param paperStyle add the numbers of the InstructCV authors' evaluators, last
 */
export function scoresOf(task: TaskName, records: readonly QuestionRecord[], paperStyle: boolean): Score[] {
  const paper = {
    depth: paperDepths,
    segmentation: paperMasks,
    detection: paperBoxScores,
    classification: paperAnswers,
  };
  const standard = { depth, segmentation, detection, classification }[task](records);
  return paperStyle ? [...standard, ...paper[task](records)] : standard;
}

function depth(records: readonly QuestionRecord[]): Score[] {
  const maps = factsOf(records, "depth").map(({ facts }) => facts);
  const total = noSums();
  for (const map of maps) addSums(total, map);
  const pooled = errorsOf(total);
  const measured = maps.filter(({ pixels }) => pixels > 0);
  const values: [string, number][] = [
    ["RMSE (m)", pooled.rmse],
    ["RMSE, mean over images (m)", mean(measured.map((map) => errorsOf(map).rmse))],
    ["AbsRel", pooled.absRel],
    ["log10", pooled.log10],
    ["delta1", pooled.delta1],
    ["delta2", pooled.delta2],
    ["delta3", pooled.delta3],
  ];
  return values.map(([metric, value]) => ({ metric, value, n: maps.length }));
}

function paperDepths(records: readonly QuestionRecord[]): Score[] {
  const maps = factsOf(records, "depth").map(({ facts }) => facts.paper);
  return [
    { metric: "paper-style RMSE (m)", value: mean(maps.map(({ rmse }) => rmse)), n: maps.length },
    { metric: "paper-style delta1", value: mean(maps.map(({ delta1 }) => delta1)), n: maps.length },
  ];
}

function segmentation(records: readonly QuestionRecord[]): Score[] {
  const all = factsOf(records, "mask");
  const present = all.filter(({ record }) => record.present);
  return [
    { metric: `IoU ${PRESENT}`, value: iou(present.map(({ facts }) => facts)), n: present.length },
    { metric: `mIoU ${PRESENT}`, value: meanIou(present), n: present.length },
    { metric: `mIoU ${ALL}`, value: meanIou(all), n: all.length },
    ...mapScores(factsOf(records, "map").map(({ facts }) => facts)),
  ];
}

function paperMasks(records: readonly QuestionRecord[]): Score[] {
  const present = factsOf(records, "mask").filter(({ record }) => record.present);
  return [{ metric: "paper-style mIoU", value: mean(present.map(({ facts }) => facts.paper)), n: present.length }];
}

type MaskRecord = { readonly record: QuestionRecord; readonly facts: FactsOf<"mask"> };

/** Sum of intersections over sum of unions. */
function iou(masks: readonly FactsOf<"mask">[]): number {
  let intersection = 0;
  let union = 0;
  for (const mask of masks) {
    intersection += mask.intersection;
    union += mask.union;
  }
  return intersection / union;
}

/** Over the classes that have a pixel in truth or answer. */
function meanIou(masks: readonly MaskRecord[]): number {
  const classes = [...groupBy(masks, ({ record }) => record.category).values()];
  return mean(classes.map((own) => iou(own.map(({ facts }) => facts))).filter((value) => !Number.isNaN(value)));
}

type BoxRecord = { readonly record: QuestionRecord; readonly facts: FactsOf<"boxes"> };

const ALL_BOXES = { ious: COCO_IOUS, maxDets: MOST_DETECTIONS, area: ALL_AREAS };
const matched = new WeakMap<FactsOf<"boxes">, Matching>();

/** Found boxes against true ones, once for each question: resampling asks for the same ones a thousand times. */
export function matchingOf({ record, facts }: BoxRecord): Matching {
  const known = matched.get(facts);
  if (known) return known;
  const matching = matchBoxes({ category: record.category!, ...facts }, ALL_BOXES);
  matched.set(facts, matching);
  return matching;
}

function detection(records: readonly QuestionRecord[]): Score[] {
  const all = factsOf(records, "boxes");
  const present = all.filter(({ record }) => record.present);
  const shown = scoreMatchings(present.map(matchingOf));
  const asked = scoreMatchings(all.map(matchingOf));
  return [
    { metric: `AP@.5 ${PRESENT}`, value: shown.apAt(0.5), n: present.length },
    { metric: `AP@.5 ${ALL}`, value: asked.apAt(0.5), n: all.length },
    { metric: `AP@.5:.95 ${ALL}`, value: asked.ap, n: all.length },
    { metric: `AR@.5:.95 ${ALL}`, value: asked.ar, n: all.length },
  ];
}

function paperBoxScores(records: readonly QuestionRecord[]): Score[] {
  const present = factsOf(records, "boxes").filter(({ record }) => record.present);
  const images = present.map(({ record, facts }) => ({ category: record.category!, ...facts }));
  return [{ metric: "paper-style AP@.5", value: paperDetections(images).apAt(0.5), n: present.length }];
}

function classification(records: readonly QuestionRecord[]): Score[] {
  const answers = factsOf(records, "presence");
  const meter = new PresenceMeter();
  for (const { record, facts } of answers) meter.add(record.category!, record.present, facts);
  const n = answers.length;
  return [
    { metric: "balanced accuracy", value: meter.balancedByCategory(), n },
    { metric: "balanced accuracy, pooled", value: meter.balancedAccuracy(), n },
    { metric: "AUC, pooled", value: meter.auc(), n },
  ];
}

function paperAnswers(records: readonly QuestionRecord[]): Score[] {
  const answers = factsOf(records, "presence").map(({ facts }) => facts);
  return [{ metric: "paper-style accuracy", value: paperAccuracy(answers), n: answers.length }];
}

/** Metrics of the authors' evaluators, shown on request only. */
export const isPaperStyle = ({ metric }: Pick<Score, "metric">): boolean => metric.startsWith("paper-style");

export interface Scorer<T extends TaskName = TaskName> {
  add(question: Question<T>, answer: AnswerOf<T>): void;
  /** Headline first. */
  scores(): Score[];
}

/** Scores answers that are at hand, without a run around them. */
export function createScorer(task: TaskName): Scorer {
  const records: QuestionRecord[] = [];
  return {
    add(question, answer) {
      const { category, present } = question;
      const facts = measure(question, answer);
      records.push({ photo: "", at: records.length, dataset: "", task, category, present, wording: null, facts });
    },
    scores: () => scoresOf(task, records, true),
  };
}
