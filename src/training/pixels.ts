/** From what was drawn to the arrays of a batch: loads rasters, makes pictures, fills. */
import type { TrainConfig } from "./config.js";
import { type DrawnExample, type Example, makeExample } from "./example.js";
import type { RasterReader } from "./rasters.js";
import { compose, type DrawnView, loadView, toPlanes, type View } from "./views.js";

/** Of B examples at the model's size S. */
export interface Pixels {
  /** [B, 3, S, S], -1..1. */
  readonly image: Float32Array;
  /** [B, 3, S, S], -1..1. */
  readonly target: Float32Array;
  /** [B, 1, S, S]. */
  readonly pixelWeights: Float32Array;
}

/** Where pixels are made: in this thread, or in others. Errors as those of `RasterReader.get`. */
export interface Painter {
  examples(drawn: readonly DrawnExample[]): Promise<Pixels>;
  /** [B, 3, S, S], -1..1, of frames with one or two photos each. */
  frames(drawn: readonly (readonly DrawnView[])[]): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Makes them in the calling thread. */
export function createPainter(config: TrainConfig, reader: RasterReader): Painter {
  const { resolution } = config.model;
  const { side } = reader;
  return {
    async examples(drawn) {
      return stack(await Promise.all(drawn.map((one) => loadExample(one, reader, config))));
    },
    async frames(drawn) {
      const image = new Float32Array(drawn.length * 3 * resolution ** 2);
      const loaded = await Promise.all(drawn.map((views) => loadViews(views, reader)));
      for (const [i, views] of loaded.entries()) {
        toPlanes(compose(resolution, views, side), image, i * 3 * resolution ** 2);
      }
      return image;
    },
    close: () => reader.close(),
  };
}

/** An example with its pictures. See `RasterReader.get` for what it throws. */
export async function loadExample(drawn: DrawnExample, reader: RasterReader, config: TrainConfig): Promise<Example> {
  return makeExample({ ...drawn, views: await loadViews(drawn.views, reader) }, reader.side, config);
}

function loadViews(views: readonly DrawnView[], reader: RasterReader): Promise<View[]> {
  return Promise.all(views.map((view) => loadView(view, reader)));
}

/** The arrays of examples of one size. */
export function stack(examples: readonly Example[]): Pixels {
  const { width, height } = examples[0]!.image;
  const area = width * height;
  const image = new Float32Array(examples.length * 3 * area);
  const target = new Float32Array(image.length);
  const pixelWeights = new Float32Array(examples.length * area).fill(1);
  for (const [b, example] of examples.entries()) {
    toPlanes(example.image, image, b * 3 * area);
    toPlanes(example.target, target, b * 3 * area);
    if (example.pixelWeights) pixelWeights.set(example.pixelWeights, b * area);
  }
  return { image, target, pixelWeights };
}
