/** COCO's detection numbers without pycocotools: read truth and results, score them, write results. */
export { cocoCandidates, type ImageCandidates, type IouType } from "./candidates.js";
export {
  type AreaName,
  COCO_AREAS,
  type CocoClass,
  type CocoEvaluation,
  type CocoSummary,
  type EvaluateCocoOptions,
  evaluateCandidates,
  evaluateCoco,
} from "./evaluate.js";
export { type CocoResult, checkCocoResults, readCocoResults, writeCocoResults } from "./results.js";
export { type CocoImage, type CocoObject, type CocoTruth, readCocoTruth } from "./truth.js";
