/** Draws an example and makes it at once, from samples whose rasters are in memory. */
import type { Rng } from "../../src/random.js";
import type { TrainConfig } from "../../src/training/config.js";
import { drawExample, type Example, makeExample } from "../../src/training/example.js";
import type { Partner } from "../../src/training/pairs.js";
import type { Sample } from "../../src/training/store.js";
import { unknownOf } from "../../src/training/views.js";

export function augment(
  sample: Sample,
  side: number,
  config: TrainConfig,
  rng: Rng,
  partner: Partner | null = null,
): Example {
  const drawn = drawExample(sample, partner, side, config, rng);
  const views = drawn.views.map(({ masks, ...view }) => {
    const unknown = unknownOf((masks ?? []) as readonly Uint8Array[]);
    return { ...view, sample: view.sample as Sample, ...(unknown && { unknown }) };
  });
  return makeExample({ ...drawn, views }, side, config);
}
