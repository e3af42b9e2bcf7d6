/** Photos without an instruction, for the heads that tell what they show and where. */
import { createRng } from "../random.js";
import { getTask } from "../tasks/registry.js";
import type { Xyxy } from "../tasks/task.js";
import type { TrainConfig } from "./config.js";
import type { Store, StoredSample } from "./store.js";
import { drawView, jittered, toPlanes, type View, wholeFrame } from "./views.js";

export interface PhotoBatch {
  readonly ids: readonly string[];
  /** [B, 3, S, S], -1..1. */
  readonly image: Float32Array;
  /** Of each photo by category, the box around all its boxes, 0..1. */
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
    const ids = Array.from({ length: count }, (_, i) => {
      const rng = createRng(`${config.seed}/photos/${step}/${i}`);
      const sample = rng.pick(annotated);
      const view = drawView(sample, store.size, config, rng, wholeFrame(resolution), config.data.crop.classification);
      toPlanes(jittered(view, store.size, config, rng), image, i * 3 * resolution * resolution);
      extents.push(extentsOf(boxed.get(sample.record.photo) ?? [], store.size, view));
      return sample.record.photo;
    });
    return { ids, image, extents };
  };
}

/** Around all boxes of each category that a crop leaves, as shares of the frame. */
function extentsOf(samples: readonly StoredSample[], side: number, { crop, flip }: View): Map<string, Xyxy> {
  const extents = new Map<string, Xyxy>();
  for (const { record } of samples) {
    const label = { task: "detection" as const, width: side, height: side, boxes: record.boxes! };
    const { boxes } = getTask("detection").transformLabel(label, crop, { width: side, height: side }, flip);
    if (boxes.length === 0) continue;
    const edge = (i: number, most: (...values: number[]) => number) => most(...boxes.map((box) => box[i]!)) / side;
    extents.set(record.slots.category!, [edge(0, Math.min), edge(1, Math.min), edge(2, Math.max), edge(3, Math.max)]);
  }
  return extents;
}

function onePerPhoto(store: Store): StoredSample[] {
  return [...new Map(store.samples.map((sample) => [sample.record.photo, sample])).values()];
}
