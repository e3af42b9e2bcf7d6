/** The examples that are encoded: view v of a record is a function of the seed, the record and v. */
import { createRng } from "../../random.js";
import type { TrainConfig } from "../config.js";
import { drawExample, type Example } from "../example.js";
import { createPairing } from "../pairs.js";
import { loadExample } from "../pixels.js";
import type { RasterReader } from "../rasters.js";
import type { Store } from "../store.js";

/** `(record, view)` to its example, made as `createLoader` makes those of a batch. */
export function createViews(
  store: Store,
  config: TrainConfig,
  reader: RasterReader,
): (record: number, view: number) => Promise<Example> {
  const drawPartner = config.data.pairs > 0 ? createPairing(store) : null;
  return (record, view) => {
    const sample = store.samples[record]!;
    const rng = createRng(`${config.seed}/view/${sample.record.key}/${view}`);
    const paired = drawPartner !== null && rng.next() < config.data.pairs;
    const drawn = drawExample(sample, paired ? drawPartner(sample, rng) : null, store.size, config, rng);
    return loadExample(drawn, reader, config);
  };
}
