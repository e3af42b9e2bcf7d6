/** Makes training batches: draws records, augments photo and answer together, words the instruction, fills flat arrays. */

import type { Picture } from "../image/picture.js";
import { renderInstruction } from "../instructions/render.js";
import { createRng, type Rng } from "../random.js";
import { defaultColours, palette } from "../tasks/colours.js";
import { getTask } from "../tasks/registry.js";
import type { Slots, TaskName, Xyxy } from "../tasks/task.js";
import { cropResize, cropResizeDepth } from "./augment.js";
import type { TrainConfig } from "./config.js";
import { createDrawer } from "./draw.js";
import type { Encoder } from "./encoder.js";
import { drawPartner, type Partner, splitFrame } from "./pairs.js";
import { createPhotoLoader, type PhotoBatch } from "./photos.js";
import { collectPresence } from "./presence.js";
import type { Store, StoredSample } from "./store.js";
import { compose, cut, drawView, jittered, paste, sizeOf, toPlanes, type View, wholeFrame } from "./views.js";

/** One training example at the model's size S. */
export interface Example {
  readonly task: TaskName;
  readonly instruction: string;
  readonly slots: Slots;
  readonly image: Picture;
  readonly target: Picture;
  /** Loss weight of each pixel, S*S; null means 1 everywhere. */
  readonly pixelWeights: Float32Array | null;
}

/** B examples as the step wants them. */
export interface Batch {
  readonly size: number;
  readonly tasks: readonly TaskName[];
  /** What each instruction asks about. */
  readonly slots: readonly Slots[];
  /** [B, 3, S, S], -1..1. */
  readonly image: Float32Array;
  /** [B, 3, S, S], -1..1. */
  readonly target: Float32Array;
  /** [B, 1, S, S]. */
  readonly pixelWeights: Float32Array;
  /** [B, L] token ids. */
  readonly ids: BigInt64Array;
}

/** `batch(step)` depends on the seed, the step and the corpus only: resuming needs no state. */
export interface Loader {
  batch(step: number): Batch;
  /** Photos alone, cropped as for classification, for the presence head. */
  photos(step: number, count: number): PhotoBatch;
}

export function createLoader(store: Store, config: TrainConfig, tokenizer: Encoder): Loader {
  const drawer = createDrawer(store, config.data);
  const presence = config.data.pairs > 0 ? collectPresence(store) : null;
  return {
    photos: createPhotoLoader(store, config, tokenizer),
    batch(step) {
      const examples = Array.from({ length: config.optimizer.batch }, (_, i) => {
        const rng = createRng(`${config.seed}/batch/${step}/${i}`);
        const sample = drawer.draw(rng);
        const paired = presence !== null && rng.next() < config.data.pairs;
        return augment(sample, store.size, config, rng, paired ? drawPartner(store, presence, sample, rng) : null);
      });
      return collate(examples, tokenizer);
    },
  };
}

/** A stored sample with random crop, mirror, colours, wording; with a partner, the two side by side. */
export function augment(
  sample: StoredSample,
  side: number,
  config: TrainConfig,
  rng: Rng,
  partner: Partner | null = null,
): Example {
  const { data, model } = config;
  const { task } = sample.record;
  const shown = [{ sample, labelled: true }, ...(partner ? [partner] : [])];
  const places = partner ? splitFrame(model.resolution, rng) : [wholeFrame(model.resolution)];
  const views = shown.map(
    (one, i): View => ({
      ...drawView(one.sample, side, config, rng, places[i]!, data.crop[task]),
      labelled: one.labelled,
    }),
  );
  const image = compose(
    model.resolution,
    views,
    views.map((view) => jittered(view, side, config, rng)),
  );
  const slots = data.redraw_colours ? redrawColours(sample.record.slots, rng) : sample.record.slots;
  const wording = rng.next() < data.template_share ? "template" : "paraphrase";
  const instruction = renderInstruction(task, slots, wording, rng, data.word_noise);
  return { task, instruction, slots, image, ...answer(task, side, views, image, slots, config) };
}

/** A stored sample as it is: whole frame, recorded colours and instruction. */
export function plain(sample: StoredSample, side: number, config: TrainConfig): Example {
  const { task, slots, instruction } = sample.record;
  const { resolution } = config.model;
  const views: View[] = [
    { sample, labelled: true, crop: wholeFrame(side), flip: false, place: wholeFrame(resolution) },
  ];
  const image = { width: resolution, height: resolution, data: Uint8Array.from(cut(views[0]!, side), Math.round) };
  return { task, instruction, slots, image, ...answer(task, side, views, image, slots, config) };
}

function answer(
  task: TaskName,
  side: number,
  views: readonly View[],
  image: Picture,
  slots: Slots,
  config: TrainConfig,
): Pick<Example, "target" | "pixelWeights"> {
  const size = { width: image.width, height: image.height };
  const labelled = views.filter((view) => view.labelled);
  switch (task) {
    case "segmentation": {
      const grey = new Float32Array(size.width * size.height);
      for (const { sample, crop, flip, place } of labelled) {
        paste(cropResize(sample.mask!, side, 1, crop, sizeOf(place), flip), grey, place, size.width, 1);
      }
      const data = Uint8Array.from({ length: grey.length * 3 }, (_, i) => Math.round(grey[(i / 3) | 0]!));
      return { target: { ...size, data }, pixelWeights: null };
    }
    case "detection": {
      const detection = getTask("detection", config.model.inference);
      const boxes = labelled.flatMap(({ sample, crop, flip, place: [left, top, right, bottom] }) => {
        const label = { task, width: side, height: side, boxes: sample.record.boxes ?? [] };
        const cut = detection.transformLabel(label, crop, sizeOf([left, top, right, bottom]), flip);
        return cut.boxes.map(([x1, y1, x2, y2]): Xyxy => [x1 + left, y1 + top, x2 + left, y2 + top]);
      });
      const target = detection.encode({ task, ...size, boxes }, image, slots);
      const { outline, copy } = config.loss.detection_pixels;
      const pixelWeights = Float32Array.from({ length: size.width * size.height }, (_, i) =>
        differs(target, image, i) ? outline : copy,
      );
      return { target, pixelWeights };
    }
    case "depth": {
      const { sample, crop, flip } = views[0]!;
      const metres = cropResizeDepth(sample.millimetres!, side, crop, size.width, flip);
      const pixelWeights = Float32Array.from(metres, (m) => (m > 0 ? 1 : 0));
      if (config.data.depth_zoom) {
        const zoom = Math.sqrt(((crop[2] - crop[0]) * (crop[3] - crop[1])) / (side * side));
        for (let i = 0; i < metres.length; i++) metres[i]! *= zoom;
      }
      return { target: getTask("depth").encode({ task, ...size, metres }, image, slots), pixelWeights };
    }
    case "classification": {
      const present = labelled.some(({ sample: { record } }) => record.present ?? !record.negative);
      return { target: getTask("classification").encode({ task, present }, image, slots), pixelWeights: null };
    }
  }
}

function differs(a: Picture, b: Picture, pixel: number): boolean {
  const i = pixel * 3;
  return a.data[i] !== b.data[i] || a.data[i + 1] !== b.data[i + 1] || a.data[i + 2] !== b.data[i + 2];
}

/** Classification only: half the time the default colours (which questions may leave out), else any two of the palette. */
export function redrawColours(slots: Slots, rng: Rng): Slots {
  if (!slots.positive || !slots.negative) return slots;
  if (rng.next() < 0.5) return { ...slots, ...defaultColours };
  const [positive, negative] = rng.shuffle(palette) as [Slots["positive"], Slots["negative"]];
  return { ...slots, positive, negative };
}

export function collate(examples: readonly Example[], tokenizer: Encoder): Batch {
  const first = examples[0]!.image;
  const area = first.width * first.height;
  const image = new Float32Array(examples.length * 3 * area);
  const target = new Float32Array(image.length);
  const pixelWeights = new Float32Array(examples.length * area).fill(1);
  const ids: bigint[] = [];
  for (const [b, example] of examples.entries()) {
    toPlanes(example.image, image, b * 3 * area);
    toPlanes(example.target, target, b * 3 * area);
    if (example.pixelWeights) pixelWeights.set(example.pixelWeights, b * area);
    for (const id of tokenizer.encode(example.instruction)) ids.push(BigInt(id));
  }
  const tasks = examples.map((example) => example.task);
  const slots = examples.map((example) => example.slots);
  return { size: first.width, tasks, slots, image, target, pixelWeights, ids: BigInt64Array.from(ids) };
}
