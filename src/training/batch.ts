/** Makes training batches: draws records, crops and mirrors photo and answer together, words the instruction, fills flat arrays. */
import { createRng } from "../random.js";
import type { Slots, TaskName } from "../tasks/task.js";
import type { TrainConfig } from "./config.js";
import { memoryLimit, workerCount } from "./data-limits.js";
import { createDrawer } from "./draw.js";
import type { EncodedBatch } from "./encoded/batch.js";
import type { Encoder } from "./encoder.js";
import { drawExample, type Example } from "./example.js";
import { createPainterThreads } from "./painter-threads.js";
import { createPairing } from "./pairs.js";
import { createPhotoDrawer, type PhotoBatch } from "./photos.js";
import { createPainter, type Pixels, stack } from "./pixels.js";
import { RasterReader } from "./rasters.js";
import type { Store } from "./store.js";

/** B examples as the step wants them. */
export interface Batch extends Pixels {
  /** Side of the pictures. */
  readonly size: number;
  readonly tasks: readonly TaskName[];
  /** What each instruction asks about. */
  readonly slots: readonly Slots[];
  /** [B, L] token ids. */
  readonly ids: BigInt64Array;
}

/** What `batch(step)` gives depends on the seed, the step and the corpus only: resuming needs no state. */
export interface Loader<B extends Batch | EncodedBatch = Batch | EncodedBatch> {
  batch(step: number): Promise<B>;
  /** Photos alone, cropped as for classification, for the presence head. */
  photos(step: number, count: number): Promise<PhotoBatch>;
  /** Ends what makes batches. A call that is not answered yet may never be. */
  close(): Promise<void>;
}

export function createLoader(store: Store, config: TrainConfig, tokenizer: Encoder): Loader<Batch> {
  const { data, seed, optimizer, model } = config;
  const drawer = createDrawer(store, data);
  const drawPartner = data.pairs > 0 ? createPairing(store) : null;
  const drawPhotos = createPhotoDrawer(store, config, tokenizer);
  const [workers, budget] = [workerCount(config), memoryLimit(config)];
  const painter =
    workers === 0
      ? createPainter(config, new RasterReader(store.size, budget))
      : createPainterThreads(workers, { config, side: store.size, budget });
  return {
    async batch(step) {
      const drawn = Array.from({ length: optimizer.batch }, (_, i) => {
        const rng = createRng(`${seed}/batch/${step}/${i}`);
        const sample = drawer.draw(rng);
        const paired = drawPartner !== null && rng.next() < data.pairs;
        return drawExample(sample, paired ? drawPartner(sample, rng) : null, store.size, config, rng);
      });
      return { size: model.resolution, ...wordsOf(drawn, tokenizer), ...(await painter.examples(drawn)) };
    },
    async photos(step, count) {
      const { frames, ...drawn } = drawPhotos(step, count);
      return { ...drawn, image: await painter.frames(frames) };
    },
    close: () => painter.close(),
  };
}

/** A batch of examples that are made. */
export function collate(examples: readonly Example[], tokenizer: Encoder): Batch {
  return { size: examples[0]!.image.width, ...wordsOf(examples, tokenizer), ...stack(examples) };
}

function wordsOf(examples: readonly Pick<Example, "task" | "slots" | "instruction">[], tokenizer: Encoder) {
  return {
    tasks: examples.map(({ task }) => task),
    slots: examples.map(({ slots }) => slots),
    ids: BigInt64Array.from(
      examples.flatMap(({ instruction }) => tokenizer.encode(instruction)),
      BigInt,
    ),
  };
}
