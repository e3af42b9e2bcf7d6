/** From records to the rows of a report: which metrics each task is measured by. */
import type { TaskName } from "../tasks/task.js";
import { PresenceMeter } from "./metrics/classification.js";
import { addSums, errorsOf, noSums } from "./metrics/depth.js";
import { scoreMatchings } from "./metrics/detection.js";
import { paperAccuracy, paperDetections } from "./metrics/paper-style/index.js";
import { groupBy, mean } from "./metrics/statistics.js";
import type { AnswerOf } from "./predictor.js";
import type { Question } from "./questions.js";
import { detailsOf } from "./records/details.js";
import { mapScores } from "./records/map-scores.js";
import { matchingOf } from "./records/matchings.js";
import { measure } from "./records/measure.js";
import { type FactsOf, factsOf, type QuestionRecord } from "./records/record.js";
import { ALL, PRESENT, type Score } from "./records/score.js";

export type { Score } from "./records/score.js";

/** Which scores beside the usual ones. */
export interface ScoreOptions {
  /** Add the rest of what is usually quoted: COCO's sizes, VOC's AP, SILog, calibration. */
  readonly details?: boolean;
  /** Add the numbers of the InstructCV authors' evaluators, marked "paper-style", last. */
  readonly paperStyle?: boolean;
}

/** The scores of one task from the records of one dataset and wording, headline first; records without facts count nowhere. */
export function scoresOf(task: TaskName, records: readonly QuestionRecord[], options: ScoreOptions = {}): Score[] {
  const paper = {
    depth: paperDepths,
    segmentation: paperMasks,
    detection: paperBoxScores,
    classification: paperAnswers,
  };
  const standard = { depth, segmentation, detection, classification }[task](records);
  return [
    ...standard,
    ...(options.details ? detailsOf(task, records) : []),
    ...(options.paperStyle ? paper[task](records) : []),
  ];
}

/** Asked for absent classes too; without them such a number would say another thing. */
export const needsAbsent = ({ metric }: Pick<Score, "metric">): boolean => metric.endsWith(ALL);

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

function detection(records: readonly QuestionRecord[]): Score[] {
  const all = factsOf(records, "boxes");
  const present = all.filter(({ record }) => record.present);
  const shown = scoreMatchings(present.map((one) => matchingOf(one)));
  const asked = scoreMatchings(all.map((one) => matchingOf(one)));
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
    scores: () => scoresOf(task, records, { paperStyle: true }),
  };
}
