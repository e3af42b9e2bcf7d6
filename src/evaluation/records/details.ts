/** The rest of what is usually quoted of each task, beside the headline numbers: `--details`. */
import type { TaskName } from "../../tasks/task.js";
import { addDetections, CalibrationMeter } from "../metrics/calibration.js";
import { PresenceMeter } from "../metrics/classification.js";
import { type AreaName, COCO_AREAS } from "../metrics/coco/index.js";
import { addSums, errorsOf, noSums } from "../metrics/depth.js";
import { scoreMatchings } from "../metrics/detection.js";
import { meanReferredIou } from "../metrics/referred.js";
import { scoreVoc } from "../metrics/voc.js";
import { mapMatrix } from "./map-scores.js";
import { matchingOf } from "./matchings.js";
import { BINS, factsOf, type QuestionRecord } from "./record.js";
import { reliability } from "./reliability.js";
import { ALL, PRESENT, type Score } from "./score.js";

/** Scores that do not repeat those of the usual table; records without facts count nowhere. */
export function detailsOf(task: TaskName, records: readonly QuestionRecord[]): Score[] {
  return { depth, segmentation, detection, classification }[task](records);
}

const named = (n: number, scores: Readonly<Record<string, number>>): Score[] =>
  Object.entries(scores).map(([metric, value]) => ({ metric, value, n }));

function depth(records: readonly QuestionRecord[]): Score[] {
  const maps = factsOf(records, "depth");
  const total = noSums();
  for (const { facts } of maps) addSums(total, facts);
  const { sqRel, rmseLog, silog } = errorsOf(total);
  return named(maps.length, { "SqRel (m)": sqRel, "RMSE log": rmseLog, SILog: silog });
}

function segmentation(records: readonly QuestionRecord[]): Score[] {
  const masks = factsOf(records, "mask");
  const present = masks.filter(({ record }) => record.present);
  const maps = factsOf(records, "map").map(({ facts }) => facts);
  const matrix = mapMatrix(maps);
  return [
    ...named(present.length, { [`gIoU ${PRESENT}`]: meanReferredIou(present.map(({ facts }) => facts)) }),
    ...named(masks.length, { [`ECE of pixels (${BINS} bins)`]: reliability(records)?.ece ?? Number.NaN }),
    ...(maps.length === 0
      ? []
      : named(maps.length, {
          "mean accuracy (full label map)": matrix.meanAccuracy(),
          "frequency-weighted IoU (full label map)": matrix.frequencyWeightedIou(),
        })),
  ];
}

function detection(records: readonly QuestionRecord[]): Score[] {
  const all = factsOf(records, "boxes");
  const scored = (area: AreaName, maxDets?: number) => scoreMatchings(all.map((one) => matchingOf(one, area, maxDets)));
  const sizes = (Object.keys(COCO_AREAS) as AreaName[]).filter((area) => area !== "all");
  const inSizes = sizes.map((area) => ({ area, score: scored(area) }));
  const images = all.map(({ record, facts }) => ({ category: record.category!, ...facts }));
  return named(all.length, {
    [`AP@.75 ${ALL}`]: scored("all").apAt(0.75),
    ...Object.fromEntries(inSizes.map(({ area, score }) => [`AP@.5:.95, ${area} ${ALL}`, score.ap])),
    [`AR@.5:.95, 1 box ${ALL}`]: scored("all", 1).ar,
    [`AR@.5:.95, 10 boxes ${ALL}`]: scored("all", 10).ar,
    ...Object.fromEntries(inSizes.map(({ area, score }) => [`AR@.5:.95, ${area} ${ALL}`, score.ar])),
    [`VOC2007 AP@.5 ${ALL}`]: scoreVoc(images, "2007").map,
    [`VOC2012 AP@.5 ${ALL}`]: scoreVoc(images, "2012").map,
    [`ECE of scores (15 bins) ${ALL}`]: boxCalibration(records),
  });
}

/** Whether a score is the chance of a hit at IoU .5. Not of scores beyond 0..1, which some detectors give: those are no chances. */
function boxCalibration(records: readonly QuestionRecord[]): number {
  const matchings = factsOf(records, "boxes").map((one) => matchingOf(one));
  if (matchings.some(({ scores }) => scores.some((score) => score < 0 || score > 1))) return Number.NaN;
  const meter = new CalibrationMeter();
  addDetections(meter, matchings);
  return meter.ece();
}

function classification(records: readonly QuestionRecord[]): Score[] {
  const answers = factsOf(records, "presence");
  const meter = new PresenceMeter();
  for (const { record, facts } of answers) meter.add(record.category!, record.present, facts);
  return named(answers.length, {
    "accuracy, pooled": meter.accuracy(),
    [`ECE of P(present) (${BINS} bins)`]: reliability(records)?.ece ?? Number.NaN,
  });
}
