/** The metrics by what they measure; docs/metrics.md has the formula, the unit and the trap of each. */
export { bootstrap, type Difference, type Interval, pairedBootstrap } from "./bootstrap.js";
export { boxIou, type ScoredBox, type TrueBox } from "./box-matching.js";
export { addDetections, type Binning, CalibrationMeter, type ReliabilityBin } from "./calibration.js";
export { PresenceMeter } from "./classification.js";
export * from "./coco/index.js";
export { type ClassCounts, type ClassMap, ConfusionMatrix } from "./confusion.js";
export { type DepthErrors, DepthMeter, type DepthOptions } from "./depth.js";
export { DEPTH_ALIGNMENTS, type DepthAlignment } from "./depth-alignment.js";
export { DEPTH_CROPS, type DepthCrop } from "./depth-crop.js";
export { type DetectionScore, type ImageBoxes, scoreDetections, scoreMatchings } from "./detection.js";
export {
  cumulativeIou,
  meanReferredIou,
  noTargetAccuracy,
  type ReferredOverlap,
  referredOverlap,
  referredPrecision,
} from "./referred.js";
export { IouMeter } from "./segmentation.js";
export { topKAccuracy } from "./top-k.js";
export { scoreVoc, type VocScore, type VocYear } from "./voc.js";
