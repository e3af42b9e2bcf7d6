/**
 * Photos, alone or two in a frame, for the heads that tell what they show and where; without an instruction, or each with one about a
 * category that it shows as often as not.
 */
import { renderInstruction } from "../instructions/render.js";
import { createRng, type Rng } from "../random.js";
import { palette } from "../tasks/colours.js";
import { getTask } from "../tasks/registry.js";
import type { Slots, Xyxy } from "../tasks/task.js";
import type { TrainConfig } from "./config.js";
import type { Encoder } from "./encoder.js";
import { splitFrame } from "./pairs.js";
import { collectPresence, type Presence, presentIn } from "./presence.js";
import type { Store, StoredSample } from "./store.js";
import { type DrawnView, drawViews, sizeOf, wholeFrame } from "./views.js";

export interface PhotoBatch {
  /** Ids of the photos in each frame: one or two. */
  readonly shown: readonly (readonly string[])[];
  /** [B, 3, S, S], -1..1. */
  readonly image: Float32Array;
  /** Of each frame by category, the box around all its boxes, 0..1. */
  readonly extents: readonly ReadonlyMap<string, Xyxy>[];
  /** [B * L] token ids of the sentences, of the empty one when the recipe does not ask. */
  readonly ids: BigInt64Array;
  /** Of each frame: what is asked and whether the frame shows it. Empty when the recipe does not ask. */
  readonly questions: readonly PhotoQuestion[];
}

export interface PhotoQuestion {
  readonly instruction: string;
  readonly present: boolean;
}

/** Photos that are decided and not made. */
export interface DrawnPhotos extends Omit<PhotoBatch, "image"> {
  readonly frames: readonly (readonly DrawnView[])[];
}

/** `(step, count)` to photos cropped as for classification; they depend on the seed, the step and the corpus only. */
export function createPhotoDrawer(
  store: Store,
  config: TrainConfig,
  tokenizer: Encoder,
): (step: number, count: number) => DrawnPhotos {
  const boxed = new Map<string, StoredSample[]>();
  for (const sample of store.samples) {
    const { photo, boxes } = sample.record;
    if (boxes && boxes.length > 0) boxed.set(photo, [...(boxed.get(photo) ?? []), sample]);
  }
  const asks = config.loss.auxiliary.asked > 0;
  const presence = collectPresence(store);
  const annotated = onePerPhoto(store).filter(({ record }) => record.task !== "depth");
  return (step, count) => {
    const { resolution } = config.model;
    const extents: Map<string, Xyxy>[] = [];
    const questions: PhotoQuestion[] = [];
    const frames = Array.from({ length: count }, (_, i) => {
      const rng = createRng(`${config.seed}/photos/${step}/${i}`);
      const paired = config.data.pairs > 0 && rng.next() < config.data.pairs;
      const places = paired ? splitFrame(resolution, rng) : [wholeFrame(resolution)];
      const photo = () => ({ sample: rng.pick(annotated), labelled: false });
      const views = drawViews(places, photo, store.size, config, rng, config.data.crop.classification);
      extents.push(extentsOf(views, boxed, store.size, resolution));
      const pick = (r: Rng) => r.pick(annotated).record.photo;
      if (asks) questions.push(drawQuestion(photosOf(views), presence, pick, config, rng));
      return views;
    });
    const shown = frames.map(photosOf);
    const sentences = asks ? questions.map(({ instruction }) => instruction) : shown.map(() => "");
    const ids = BigInt64Array.from(sentences.flatMap((sentence) => tokenizer.encode(sentence).map(BigInt)));
    return { shown, frames, ids, extents, questions };
  };
}

const photosOf = (views: readonly DrawnView[]) => views.map(({ sample }) => sample.record.photo);

const askedTasks = ["classification", "segmentation", "detection"] as const;
const tries = 20;

/**
 * A category in a sentence for any task that takes one. Half of the time one the frame shows; else one that another photo shows and
 * this frame does not, so that a category is asked for about as often where it is as where it is not: the sentence alone says nothing.
 */
function drawQuestion(
  photos: readonly string[],
  presence: Presence,
  other: (rng: Rng) => string,
  config: TrainConfig,
  rng: Rng,
): PhotoQuestion {
  const shownBy = (ids: readonly string[]) => presence.categories.filter((name) => presentIn(presence, ids, name));
  const present = shownBy(photos);
  let category = present.length > 0 && rng.next() < 0.5 ? rng.pick(present) : undefined;
  for (let i = 0; category === undefined && i < tries; i++) {
    const shown = shownBy([other(rng)]);
    const name = shown.length > 0 ? rng.pick(shown) : undefined;
    if (name !== undefined && presentIn(presence, photos, name) === false) category = name;
  }
  category ??= rng.pick(present.length > 0 ? present : presence.categories);
  const [positive, negative] = rng.shuffle(palette);
  const wording = rng.next() < config.data.template_share ? "template" : "paraphrase";
  const slots: Slots = { category, positive, negative };
  const instruction = renderInstruction(rng.pick(askedTasks), slots, wording, rng, config.data.word_noise);
  return { instruction, present: presentIn(presence, photos, category) === true };
}

/** Around all boxes of each category that the crops leave, as shares of the frame. */
function extentsOf(
  views: readonly DrawnView[],
  boxed: ReadonlyMap<string, readonly StoredSample[]>,
  side: number,
  resolution: number,
): Map<string, Xyxy> {
  const found = new Map<string, Xyxy[]>();
  for (const { sample, crop, flip, place } of views) {
    const [left, top] = place;
    for (const { record } of boxed.get(sample.record.photo) ?? []) {
      const label = { task: "detection" as const, width: side, height: side, boxes: record.boxes! };
      const { boxes } = getTask("detection").transformLabel(label, crop, sizeOf(place), flip);
      const placed = boxes.map(([x1, y1, x2, y2]): Xyxy => [x1 + left, y1 + top, x2 + left, y2 + top]);
      const { category } = record.slots;
      found.set(category!, [...(found.get(category!) ?? []), ...placed]);
    }
  }
  const extents = new Map<string, Xyxy>();
  for (const [category, boxes] of found) {
    if (boxes.length === 0) continue;
    const edge = (i: number, most: (...values: number[]) => number) =>
      most(...boxes.map((box) => box[i]!)) / resolution;
    extents.set(category, [edge(0, Math.min), edge(1, Math.min), edge(2, Math.max), edge(3, Math.max)]);
  }
  return extents;
}

function onePerPhoto(store: Store): StoredSample[] {
  return [...new Map(store.samples.map((sample) => [sample.record.photo, sample])).values()];
}
