/** Detection as `cal_bboxes_iou` in `evaluate/evaluate_cls_seg_det.py` and `evaluate/Evaluate_AR.py` of the authors have it. */
import type { Xyxy } from "../../../tasks/task.js";
import { boxCandidates, type ImageBoxes, type ScoredBox, type TrueBox } from "../box-matching.js";
import { ALL_AREAS, COCO_IOUS, type DetectionScore, scoreMatchings } from "../detection.js";
import { MOST_DETECTIONS, matchCandidates } from "../matching.js";

/**
 * The boxes that reach COCOeval: of those found only the best of each true box is kept, if it overlaps by more than a half, and every
 * score becomes 1. One found box may be kept for several true ones.
 * Misleads: the truth chooses the predictions, so false positives never reach the score and precision is close to 1 whatever was drawn.
 */
export function paperBoxes(found: readonly ScoredBox[], truths: readonly TrueBox[]): ScoredBox[] {
  return truths.flatMap(({ xyxy }) => {
    const overlaps = found.map((box) => overlap(box.xyxy, xyxy));
    const best = Math.max(0, ...overlaps);
    return best > 0.5 ? [{ xyxy: found[overlaps.indexOf(best)]!.xyxy, score: 1 }] : [];
  });
}

/** The areas count both ends of a side, their intersection one. */
function overlap(a: Xyxy, b: Xyxy): number {
  const area = ([x1, y1, x2, y2]: Xyxy) => (x2 - x1 + 1) * (y2 - y1 + 1);
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  return (width * height) / (area(a) + area(b) - width * height + 1e-6);
}

/**
 * Their AP: only categories that are in the photo are asked for, `paperBoxes` chooses, and the very first true box has the id 0, which
 * COCOeval takes for "not matched", so whoever finds it has a false positive.
 */
export function paperDetections(images: Iterable<ImageBoxes>): DetectionScore {
  const present = [...images].filter(({ truths }) => truths.length > 0);
  const matchings = present.map((image, i) => {
    const candidates = boxCandidates({ ...image, found: paperBoxes(image.found, image.truths) });
    const truths = candidates.truths.map((truth, t) => ({ ...truth, zeroId: i === 0 && t === 0 }));
    return matchCandidates({ ...candidates, truths }, { ious: COCO_IOUS, maxDets: MOST_DETECTIONS, area: ALL_AREAS });
  });
  return scoreMatchings(matchings);
}
