/** The parts of the frame that published depth numbers are measured in. */
import type { Size } from "../../image/picture.js";

/** Half-open, in pixels. */
export interface CropBounds {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/**
 * Shares of height (top, bottom) and width (left, right).
 * `nyu-eigen`: rows 45..471, columns 41..601 of NYUv2's 640x480 (Eigen et al. 2014, as in BTS's `bts_test.py`).
 * `kitti-garg`: Garg et al. 2016; `kitti-eigen`: Eigen et al. 2014, both as in Monodepth's `evaluate_kitti.py`.
 */
const SHARES = {
  "nyu-eigen": [45 / 480, 471 / 480, 41 / 640, 601 / 640],
  "kitti-garg": [0.40810811, 0.99189189, 0.03594771, 0.96405229],
  "kitti-eigen": [0.3324324, 0.91351351, 0.0359477, 0.96405229],
} as const;

export type DepthCrop = "none" | keyof typeof SHARES;
export const DEPTH_CROPS: readonly DepthCrop[] = ["none", "nyu-eigen", "kitti-garg", "kitti-eigen"];

/** The published evaluators cut fractions of a pixel off. */
export function cropBounds(crop: DepthCrop, { width, height }: Size): CropBounds {
  if (crop === "none") return { top: 0, bottom: height, left: 0, right: width };
  const [top, bottom, left, right] = SHARES[crop];
  return {
    top: Math.trunc(top * height),
    bottom: Math.trunc(bottom * height),
    left: Math.trunc(left * width),
    right: Math.trunc(right * width),
  };
}
