/** Makes training batches: draws records, augments photo and answer together, words the instruction, fills flat arrays. */

import type { Picture } from "../image/picture.js";
import { renderInstruction } from "../instructions/render.js";
import { createRng, type Rng } from "../random.js";
import { defaultColours, palette } from "../tasks/colours.js";
import { getTask } from "../tasks/registry.js";
import type { Slots, TaskName, Xyxy } from "../tasks/task.js";
import { cropResize, cropResizeDepth, drawCrop, jitterColours } from "./augment.js";
import type { TrainConfig } from "./config.js";
import { createDrawer } from "./draw.js";
import type { Store, StoredSample } from "./store.js";

/** One training example at the model's size S. */
export interface Example {
  readonly task: TaskName;
  readonly instruction: string;
  readonly slots: Slots;
  /** Id of the photo. */
  readonly photo: string;
  readonly image: Picture;
  readonly target: Picture;
  /** Loss weight of each pixel, S*S; null means 1 everywhere. */
  readonly pixelWeights: Float32Array | null;
}

/** B examples as the step wants them. */
export interface Batch {
  readonly size: number;
  readonly tasks: readonly TaskName[];
  /** What each instruction asks about, and in which photo. */
  readonly slots: readonly Slots[];
  readonly photos: readonly string[];
  /** [B, 3, S, S], -1..1. */
  readonly image: Float32Array;
  /** [B, 3, S, S], -1..1. */
  readonly target: Float32Array;
  /** [B, 1, S, S]. */
  readonly pixelWeights: Float32Array;
  /** [B, L] token ids. */
  readonly ids: BigInt64Array;
}

export interface Encoder {
  encode(text: string): readonly number[];
}

/** `batch(step)` depends on the seed, the step and the corpus only: resuming needs no state. */
export interface Loader {
  batch(step: number): Batch;
}

export function createLoader(store: Store, config: TrainConfig, tokenizer: Encoder): Loader {
  const drawer = createDrawer(store, config.data);
  return {
    batch(step) {
      const examples = Array.from({ length: config.optimizer.batch }, (_, i) => {
        const rng = createRng(`${config.seed}/batch/${step}/${i}`);
        return augment(drawer.draw(rng), store.size, config, rng);
      });
      return collate(examples, tokenizer);
    },
  };
}

/** A stored sample with random crop, mirror, colours, wording. */
export function augment(sample: StoredSample, side: number, config: TrainConfig, rng: Rng): Example {
  const { data } = config;
  const { task } = sample.record;
  const crop = drawCrop(rng, side, data.crop[task]);
  const flip = rng.next() < data.flip;
  const pixels = cropResize(sample.photo, side, 3, crop, config.model.resolution, flip);
  const image = jitterColours(rng, pixels, config.model.resolution, data.jitter);
  const slots = data.redraw_colours ? redrawColours(sample.record.slots, rng) : sample.record.slots;
  const wording = rng.next() < data.template_share ? "template" : "paraphrase";
  const instruction = renderInstruction(task, slots, wording, rng, data.word_noise);
  return {
    task,
    instruction,
    slots,
    photo: sample.record.photo,
    image,
    ...answer(sample, { side, crop, flip, image, slots }, config),
  };
}

/** A stored sample as it is: whole frame, recorded colours and instruction. */
export function plain(sample: StoredSample, side: number, config: TrainConfig): Example {
  const { task, slots, instruction } = sample.record;
  const crop: Xyxy = [0, 0, side, side];
  const resolution = config.model.resolution;
  const pixels = cropResize(sample.photo, side, 3, crop, resolution, false);
  const image = { width: resolution, height: resolution, data: Uint8Array.from(pixels, Math.round) };
  return {
    task,
    instruction,
    slots,
    photo: sample.record.photo,
    image,
    ...answer(sample, { side, crop, flip: false, image, slots }, config),
  };
}

interface View {
  readonly side: number;
  readonly crop: Xyxy;
  readonly flip: boolean;
  readonly image: Picture;
  readonly slots: Slots;
}

function answer(sample: StoredSample, view: View, config: TrainConfig): Pick<Example, "target" | "pixelWeights"> {
  const { record } = sample;
  const { side, crop, flip, image, slots } = view;
  const size = { width: image.width, height: image.height };
  switch (record.task) {
    case "segmentation": {
      const grey = cropResize(sample.mask!, side, 1, crop, size.width, flip);
      const data = Uint8Array.from({ length: grey.length * 3 }, (_, i) => Math.round(grey[(i / 3) | 0]!));
      return { target: { ...size, data }, pixelWeights: null };
    }
    case "detection": {
      const label = { task: record.task, width: side, height: side, boxes: record.boxes ?? [] };
      const detection = getTask("detection");
      const target = detection.encode(detection.transformLabel(label, crop, size, flip), image, slots);
      const { outline, copy } = config.loss.detection_pixels;
      const pixelWeights = Float32Array.from({ length: size.width * size.height }, (_, i) =>
        differs(target, image, i) ? outline : copy,
      );
      return { target, pixelWeights };
    }
    case "depth": {
      const metres = cropResizeDepth(sample.millimetres!, side, crop, size.width, flip);
      const pixelWeights = Float32Array.from(metres, (m) => (m > 0 ? 1 : 0));
      if (config.data.depth_zoom) {
        const zoom = Math.sqrt(((crop[2] - crop[0]) * (crop[3] - crop[1])) / (side * side));
        for (let i = 0; i < metres.length; i++) metres[i]! *= zoom;
      }
      return { target: getTask("depth").encode({ task: record.task, ...size, metres }, image, slots), pixelWeights };
    }
    case "classification": {
      const label = { task: record.task, present: record.present ?? !record.negative };
      return { target: getTask("classification").encode(label, image, slots), pixelWeights: null };
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
  const photos = examples.map((example) => example.photo);
  return { size: first.width, tasks, slots, photos, image, target, pixelWeights, ids: BigInt64Array.from(ids) };
}

/** HWC bytes to CHW floats in -1..1. */
function toPlanes(picture: Picture, out: Float32Array, offset: number): void {
  const area = picture.width * picture.height;
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) out[offset + c * area + i] = picture.data[i * 3 + c]! / 127.5 - 1;
  }
}
