/** The task seam: a vision task is a codec between labels and pictures plus the slots of its instructions. */
import type { FloatPicture, Picture, Size, Xyxy } from "../image/picture.js";

export type TaskName = "segmentation" | "detection" | "depth" | "classification";

export type { Xyxy } from "../image/picture.js";

/** Ground truth of one (image, task, category), at the size of the image it belongs to. */
export type Label =
  /** 1 where the category is, 0 elsewhere, 255 = ignore. Row-major. */
  | { task: "segmentation"; width: number; height: number; mask: Uint8Array }
  | { task: "detection"; width: number; height: number; boxes: readonly Xyxy[] }
  /** Metres, row-major; 0 or NaN = unknown. */
  | { task: "depth"; width: number; height: number; metres: Float32Array }
  | { task: "classification"; present: boolean };
export type LabelOf<T extends TaskName> = Extract<Label, { task: T }>;

/** COCO run lengths: column-major, compressed string as pycocotools writes it; size is [height, width]. */
export interface Rle {
  readonly size: readonly [number, number];
  readonly counts: string;
}

/** A named colour of the classification prompt; rgb 0..255. */
export interface NamedColour {
  readonly name: string;
  readonly rgb: readonly [number, number, number];
}

/** What the instruction fixed for this sample. `category` is null only for tasks without one (depth). */
export interface Slots {
  readonly category: string | null;
  /** Classification: whole frame in `positive` if present, else `negative`. */
  readonly positive?: NamedColour;
  readonly negative?: NamedColour;
}

export interface SegmentationResult {
  readonly task: "segmentation";
  /** 0/1, row-major, photo size. */
  readonly mask: Uint8Array;
  readonly rle: Rle;
  /** Probability of each pixel in [0,1], photo size. */
  readonly probability: Float32Array;
  /** Pixels in the mask. */
  readonly area: number;
  /** Mean probability inside the mask, 0 when empty. */
  readonly score: number;
}
export interface DetectedBox {
  readonly xyxy: Xyxy;
  readonly score: number;
  readonly label: string;
}
export interface DetectionResult {
  readonly task: "detection";
  /** Best first. */
  readonly boxes: readonly DetectedBox[];
}
export interface DepthResult {
  readonly task: "depth";
  /** Row-major, photo size. */
  readonly metres: Float32Array;
  readonly min: number;
  readonly max: number;
}
export interface ClassificationResult {
  readonly task: "classification";
  readonly present: boolean;
  /** P(present). */
  readonly probability: number;
}
/** `size` is the photo's; `admissibility` in [0,1] says how close the drawn picture is to a valid encoding. */
export type Decoded<R> = R & { readonly size: Size; readonly admissibility: number };
export type TaskResult = Decoded<SegmentationResult | DetectionResult | DepthResult | ClassificationResult>;
export type ResultOf<T extends TaskName> = Decoded<
  Extract<SegmentationResult | DetectionResult | DepthResult | ClassificationResult, { task: T }>
>;

export interface Task<T extends TaskName = TaskName> {
  readonly name: T;
  /**
   * Draws the answer. `image` is the photo at the model's size and the label is at that same size (see `fitLabel`);
   * detection draws on a copy of it, the others take only its size.
   */
  encode(label: LabelOf<T>, image: Picture, slots: Slots): Picture;
  /**
   * Reads a drawn answer. `drawn` and `image` are both at the model's size (`image` is the photo as the model saw it);
   * the result is mapped back to `photoSize`.
   */
  decode(drawn: FloatPicture, image: Picture, slots: Slots, photoSize: Size): ResultOf<T>;
  /** Crop to `crop` (pixels of the label's frame), scale to `size`, then mirror left-right if `flip`. */
  transformLabel(label: LabelOf<T>, crop: Xyxy, size: Size, flip: boolean): LabelOf<T>;
}
