/** One labelled photo as every reader yields it; labels are read lazily, at the photo's own size. */
import type { z } from "zod";
import { InstructCvError } from "../errors.js";
import type { Picture, Size } from "../image/picture.js";
import type { NamedColour, TaskName, Xyxy } from "../tasks/task.js";

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
  /** Set when the photo is no file of its own (an array in a `.mat`): `path` only names it, and only `image` reads it. */
  readonly embedded?: true;
  /** The size its annotations are for, where they say; a photo of another size cannot be used. */
  readonly size?: Size;
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
  /** Pets: the band around the outline is mostly pet. Elsewhere what a mask ignores is drawn as unknown, never as background. */
  readonly ignoreDrawnAs?: "foreground";
  /** Boxes of the categories in `boxed`. */
  boxes?(): Promise<readonly AnnotatedBox[]>;
  /** Categories for which the set has complete boxes (VOC animals: five of them). */
  readonly boxed?: readonly string[];
  /** Metres at photo size; 0 = unknown. */
  depth?(): Promise<Float32Array>;
  /** Own data: what to ask. Sampling decides unless given. */
  readonly asked?: readonly OwnQuestion[];
}

/** What is asked of a photo of one's own data: exactly this, instead of what the sampling policy would ask. */
export interface OwnQuestion {
  readonly task: TaskName;
  /** Null for depth. */
  readonly category: string | null;
  /** True when the category is known to be absent. */
  readonly negative: boolean;
  /** The sentence as it stands; worded by the bank unless given. */
  readonly instruction?: string;
  /** Colours that the sentence names, classification only; the default ones unless given. */
  readonly colours?: { readonly positive: NamedColour; readonly negative: NamedColour };
}

/** Where a dataset lies and what it is called in the pool. */
export interface Place<O = Readonly<Record<string, unknown>>> {
  /** First part of every photo id, such as `coco`. */
  readonly name: string;
  /** The folder of the set. */
  readonly root: string;
  /** The set's own name of the split. */
  readonly split: string;
  /** Checked by the reader's schema. */
  readonly options: O;
}

/** A photo that cannot be used, found while listing; it is counted, not fatal. */
export class Skipped {
  constructor(
    /** Its id, as it would have been. */
    readonly photo: string,
    /** One line: the file, what was expected, what was found. */
    readonly reason: string,
  ) {}
}

/**
 * A reader of one native layout. Listing and opening are apart so that a list can be cut into parts and handed to other threads: an
 * entry is small plain data (it is kept for every photo of a set, and cloned into workers).
 */
export interface Reader<E = unknown, O = Readonly<Record<string, unknown>>> {
  /** What the set is and under which terms, for the manifest of a corpus. */
  readonly about: { readonly title: string; readonly licence: string };
  /** Options a place may set; unknown ones are an error. */
  readonly options: z.ZodType<O>;
  /**
   * Streams the entries of a split in a stable order, reading no photo.
   * @throws {InstructCvError} "dataset" when the set as a whole cannot be read, naming the path that was looked for
   */
  list(place: Place<O>): AsyncIterable<E | Skipped>;
  /** The photo of an entry, without touching the disk; its labels are read when asked for. */
  open(place: Place<O>, entry: E): LabelledPhoto;
}

/** The photos of a place, one after the other. @throws {InstructCvError} "dataset" for one that cannot be used. */
export async function* photosOf<E, O>(reader: Reader<E, O>, place: Place<O>): AsyncGenerator<LabelledPhoto> {
  for await (const entry of reader.list(place)) {
    if (entry instanceof Skipped) throw new InstructCvError("dataset", `${entry.photo}: ${entry.reason}`);
    yield reader.open(place, entry);
  }
}
