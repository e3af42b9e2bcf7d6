/**
 * The numbers that the InstructCV authors' released evaluators print, for comparison with their tables only. Each function says what
 * is wrong with it, and each has a test that shows how it misleads; the standard metrics live in the folder above.
 */
export { paperAccuracy } from "./classification.js";
export { type PaperDepthErrors, paperDepth } from "./depth.js";
export { paperBoxes, paperDetections } from "./detection.js";
export { paperIou } from "./segmentation.js";
