/** Makes training batches: draws records, augments photo and answer together, words the instruction, fills flat arrays. */

import type { Picture, Size } from "../image/picture.js";
import { renderInstruction } from "../instructions/render.js";
import { createRng, type Rng } from "../random.js";
import { defaultColours, palette } from "../tasks/colours.js";
import { getTask } from "../tasks/registry.js";
import type { Slots, TaskName, Xyxy } from "../tasks/task.js";
import { type CropRange, cropResize, cropResizeDepth, drawCrop, jitterColours } from "./augment.js";
import type { TrainConfig } from "./config.js";
import { createDrawer } from "./draw.js";
import { drawPartner, forPlace, type Partner, splitFrame } from "./pairs.js";
import { collectPresence } from "./presence.js";
import type { Store, StoredSample } from "./store.js";

/** A crop of a stored photo and where the example shows it. */
interface View {
  readonly sample: StoredSample;
  /** False: a photo that does not show the category asked for, so the sample's own label is left out. */
  readonly labelled: boolean;
  /** Corpus-size pixels. */
  readonly crop: Xyxy;
  readonly flip: boolean;
  /** Pixels of the example. */
  readonly place: Xyxy;
}

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

export interface Encoder {
  encode(text: string): readonly number[];
}

/** `batch(step)` depends on the seed, the step and the corpus only: resuming needs no state. */
export interface Loader {
  batch(step: number): Batch;
  /** Photos alone, cropped as for classification, for the presence head. */
  photos(step: number, count: number): PhotoBatch;
}

export interface PhotoBatch {
  readonly ids: readonly string[];
  /** [B, 3, S, S], -1..1. */
  readonly image: Float32Array;
  /** Of each photo by category, the box around all its boxes, 0..1. */
  readonly extents: readonly ReadonlyMap<string, Xyxy>[];
}

export function createLoader(store: Store, config: TrainConfig, tokenizer: Encoder): Loader {
  const drawer = createDrawer(store, config.data);
  const boxed = new Map<string, StoredSample[]>();
  for (const sample of store.samples) {
    const { photo, boxes } = sample.record;
    if (boxes && boxes.length > 0) boxed.set(photo, [...(boxed.get(photo) ?? []), sample]);
  }
  const annotated = onePerPhoto(store).filter(({ record }) => record.task !== "depth");
  const presence = config.data.pairs > 0 ? collectPresence(store) : null;
  return {
    batch(step) {
      const examples = Array.from({ length: config.optimizer.batch }, (_, i) => {
        const rng = createRng(`${config.seed}/batch/${step}/${i}`);
        const sample = drawer.draw(rng);
        const paired = presence !== null && rng.next() < config.data.pairs;
        return augment(sample, store.size, config, rng, paired ? drawPartner(store, presence, sample, rng) : null);
      });
      return collate(examples, tokenizer);
    },
    photos(step, count) {
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
    },
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

const wholeFrame = (side: number): Xyxy => [0, 0, side, side];
const sizeOf = ([left, top, right, bottom]: Xyxy): Size => ({ width: right - left, height: bottom - top });

function drawView(
  sample: StoredSample,
  side: number,
  { data }: TrainConfig,
  rng: Rng,
  place: Xyxy,
  range: CropRange | null,
): View {
  const crop = drawCrop(rng, side, forPlace(range, place));
  return { sample, labelled: true, crop, flip: rng.next() < data.flip, place };
}

/** The photo of a view at the size of its place. */
function cut({ sample, crop, flip, place }: View, side: number): Float32Array {
  return cropResize(sample.photo, side, 3, crop, sizeOf(place), flip);
}

function jittered(view: View, side: number, { data }: TrainConfig, rng: Rng): Picture {
  return jitterColours(rng, cut(view, side), sizeOf(view.place), data.jitter);
}

/** The pictures of the views in their places. */
function compose(resolution: number, views: readonly View[], pictures: readonly Picture[]): Picture {
  if (views.length === 1) return pictures[0]!;
  const data = new Uint8Array(resolution * resolution * 3);
  for (const [i, { place }] of views.entries()) paste(pictures[i]!.data, data, place, resolution, 3);
  return { width: resolution, height: resolution, data };
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
      const detection = getTask("detection");
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

/** Copies a block of `channels` values a pixel into its place of a frame `width` pixels wide. */
function paste(
  block: Uint8Array | Float32Array,
  frame: Uint8Array | Float32Array,
  [left, top, right, bottom]: Xyxy,
  width: number,
  channels: number,
): void {
  const row = (right - left) * channels;
  for (let y = top; y < bottom; y++) {
    const from = (y - top) * row;
    frame.set(block.subarray(from, from + row), (y * width + left) * channels);
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

/** HWC bytes to CHW floats in -1..1. */
function toPlanes(picture: Picture, out: Float32Array, offset: number): void {
  const area = picture.width * picture.height;
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) out[offset + c * area + i] = picture.data[i * 3 + c]! / 127.5 - 1;
  }
}
