/** Segmentation as `calc_iou` in `evaluate/evaluate_cls_seg_det.py` of the authors has it. */

/**
 * IoU of one mask with one photo's truth, later averaged over the queries for classes that are known to be in the photo. Any grey above
 * 10 of 255 is foreground, and so is every labelled pixel, 255 included.
 * Misleads: what is drawn for a class that is not there costs nothing, a photo counts the same whatever it shows, and unlabelled
 * pixels are asked for. The original also hands width and height to the resizer in the wrong order, so it runs on square drawings only;
 * here both maps are of one size.
 * @param probability 0..1, row-major, as drawn
 * @param truth 0 is elsewhere
 */
export function paperIou(probability: Float32Array, truth: Uint8Array): number {
  let intersection = 0;
  let union = 0;
  for (let i = 0; i < truth.length; i++) {
    const p = probability[i]! * 255 > 10;
    const t = truth[i]! > 0;
    if (p && t) intersection++;
    if (p || t) union++;
  }
  return (intersection * 255 + 1e-6) / (union * 255 + 1e-6);
}
