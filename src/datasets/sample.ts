/** One labelled photo as every reader yields it; labels are read lazily, at the photo's own size. */
import type { Picture } from "../image/picture.js";
import type { Xyxy } from "../tasks/task.js";

export interface AnnotatedBox {
  readonly category: string;
  readonly xyxy: Xyxy;
  /** VOC `difficult`, COCO `iscrowd`: neither a hit nor a miss. */
  readonly ignore: boolean;
  /** COCO `iscrowd`: a region of many objects, which any number of found boxes may lie in. */
  readonly crowd?: boolean;
}

export interface LabelledPhoto {
  /** `voc2012/2008_007430`: unique over the pool; splits and shards are made by it. */
  readonly id: string;
  readonly dataset: string;
  readonly split: string;
  /** Absolute path of the photo. */
  readonly path: string;
  /** Decoded RGB photo, EXIF orientation applied. */
  image(): Promise<Picture>;
  /** Categories whose presence or absence is known (the label space), lower-case English names. */
  readonly known: readonly string[];
  /** Those of `known` that are in the photo. */
  readonly present: readonly string[];
  /** Masks by category at photo size: 1 = category, 0 = other, 255 = ignore. Absent when the set has no masks. */
  masks?(): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Categories of `known` that `masks` would show if present; all of them unless given (Pets: species, not breeds). */
  readonly masked?: readonly string[];
  /** What to draw where a mask says ignore; background unless given (Pets: the band around the outline is mostly pet). */
  readonly ignoreDrawnAs?: "foreground" | "background";
  /** Boxes of the categories in `boxed`. */
  boxes?(): Promise<readonly AnnotatedBox[]>;
  /** Categories for which the set has complete boxes (VOC animals: five of them). */
  readonly boxed?: readonly string[];
  /** Metres at photo size; 0 = unknown. */
  depth?(): Promise<Float32Array>;
}

/** A reader opens one dataset layout under `root` and streams a split of it, in a stable order. */
export type Reader = (root: string, split: string) => AsyncIterable<LabelledPhoto>;
