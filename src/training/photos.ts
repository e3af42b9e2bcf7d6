/** Photos without an instruction, alone or two in a frame, for the heads that tell what they show and where. */
import { createRng } from "../random.js";
import { getTask } from "../tasks/registry.js";
import type { Xyxy } from "../tasks/task.js";
import type { TrainConfig } from "./config.js";
import { splitFrame } from "./pairs.js";
import type { Store, StoredSample } from "./store.js";
import { compose, drawView, jittered, sizeOf, toPlanes, type View, wholeFrame } from "./views.js";

export interface PhotoBatch {
  /** Ids of the photos in each frame: one or two. */
  readonly shown: readonly (readonly string[])[];
  /** [B, 3, S, S], -1..1. */
  readonly image: Float32Array;
  /** Of each frame by category, the box around all its boxes, 0..1. */
  readonly extents: readonly ReadonlyMap<string, Xyxy>[];
}

/** `(step, count)` to photos cropped as for classification; they depend on the seed, the step and the corpus only. */
export function createPhotoLoader(store: Store, config: TrainConfig): (step: number, count: number) => PhotoBatch {
  const boxed = new Map<string, StoredSample[]>();
  for (const sample of store.samples) {
    const { photo, boxes } = sample.record;
    if (boxes && boxes.length > 0) boxed.set(photo, [...(boxed.get(photo) ?? []), sample]);
  }
  const annotated = onePerPhoto(store).filter(({ record }) => record.task !== "depth");
  return (step, count) => {
    const { resolution } = config.model;
    const image = new Float32Array(count * 3 * resolution * resolution);
    const extents: Map<string, Xyxy>[] = [];
    const shown = Array.from({ length: count }, (_, i) => {
      const rng = createRng(`${config.seed}/photos/${step}/${i}`);
      const paired = config.data.pairs > 0 && rng.next() < config.data.pairs;
      const places = paired ? splitFrame(resolution, rng) : [wholeFrame(resolution)];
      const views = places.map((place) =>
        drawView(rng.pick(annotated), store.size, config, rng, place, config.data.crop.classification),
      );
      const pictures = views.map((view) => jittered(view, store.size, config, rng));
      toPlanes(compose(resolution, views, pictures), image, i * 3 * resolution * resolution);
      extents.push(extentsOf(views, boxed, store.size, resolution));
      return views.map(({ sample }) => sample.record.photo);
    });
    return { shown, image, extents };
  };
}

/** Around all boxes of each category that the crops leave, as shares of the frame. */
function extentsOf(
  views: readonly View[],
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
