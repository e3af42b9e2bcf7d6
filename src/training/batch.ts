/** Makes training batches: draws records, augments photo and answer together, words the instruction, fills flat arrays. */

import type { Picture } from "../image/picture.js";
import { renderInstruction } from "../instructions/render.js";
import { createRng, type Rng } from "../random.js";
import { defaultColours, palette } from "../tasks/colours.js";
import type { Slots, TaskName } from "../tasks/task.js";
import { type Answer, answer } from "./answer.js";
import type { TrainConfig } from "./config.js";
import { createDrawer } from "./draw.js";
import type { EncodedBatch } from "./encoded/batch.js";
import type { Encoder } from "./encoder.js";
import { createPairing, type Partner, splitFrame } from "./pairs.js";
import { createPhotoLoader, type PhotoBatch } from "./photos.js";
import type { Store, StoredSample } from "./store.js";
import { compose, cut, drawView, jittered, toPlanes, type View, wholeFrame } from "./views.js";

/** One training example at the model's size S. */
export interface Example extends Answer {
  readonly task: TaskName;
  readonly instruction: string;
  readonly slots: Slots;
  readonly image: Picture;
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

/** What `batch(step)` gives depends on the seed, the step and the corpus only: resuming needs no state. */
export interface Loader<B extends Batch | EncodedBatch = Batch | EncodedBatch> {
  batch(step: number): Promise<B>;
  /** Photos alone, cropped as for classification, for the presence head. */
  photos(step: number, count: number): Promise<PhotoBatch>;
}

export function createLoader(store: Store, config: TrainConfig, tokenizer: Encoder): Loader<Batch> {
  const drawer = createDrawer(store, config.data);
  const drawPartner = config.data.pairs > 0 ? createPairing(store) : null;
  const loadPhotos = createPhotoLoader(store, config, tokenizer);
  return {
    photos: async (step, count) => loadPhotos(step, count),
    async batch(step) {
      const examples = Array.from({ length: config.optimizer.batch }, (_, i) => {
        const rng = createRng(`${config.seed}/batch/${step}/${i}`);
        const sample = drawer.draw(rng);
        const paired = drawPartner !== null && rng.next() < config.data.pairs;
        return augment(sample, store.size, config, rng, paired ? drawPartner(sample, rng) : null);
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
  const shown: Partner[] = [{ sample, labelled: true }, ...(partner ? [partner] : [])];
  const places = partner ? splitFrame(model.resolution, rng) : [wholeFrame(model.resolution)];
  const views = shown.map(
    (one, i): View => ({
      ...drawView(one.sample, side, config, rng, places[i]!, data.crop[task]),
      ...one,
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
