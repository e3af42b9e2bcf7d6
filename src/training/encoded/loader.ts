/** Batches from an encoded corpus: records drawn as always, a view of each, and their rows read from the shards. */
import { createRng } from "../../random.js";
import type { Loader } from "../batch.js";
import type { TrainConfig } from "../config.js";
import { createDrawer } from "../draw.js";
import type { Store } from "../store.js";
import type { EncodedBatch } from "./batch.js";
import type { Encoded } from "./open.js";

/** What is drawn for example i of a batch: the numbers of a record in its split, and of a view. */
export interface Drawn {
  readonly record: number;
  readonly view: number;
}

/** A function of the seed, the step and i only. */
export function createViewDrawer(store: Store, config: TrainConfig, views: number): (step: number, i: number) => Drawn {
  const drawer = createDrawer(store, config.data);
  const numbers = new Map(store.samples.map(({ record }, i) => [record.key, i]));
  return (step, i) => {
    const rng = createRng(`${config.seed}/batch/${step}/${i}`);
    const record = numbers.get(drawer.draw(rng).record.key)!;
    return { record, view: rng.int(views) };
  };
}

/** `store` is the training split; none of its pictures is looked at. There are no photos: such recipes have no heads for them. */
export function createEncodedLoader(store: Store, config: TrainConfig, encoded: Encoded): Loader<EncodedBatch> {
  const { manifest } = encoded;
  const draw = createViewDrawer(store, config, manifest.views);
  const size = config.model.resolution;
  const [Z, h, w] = manifest.latents;
  const place = h * w;
  let empty: Promise<Float32Array> | undefined;
  return {
    async batch(step) {
      const drawn = Array.from({ length: config.optimizer.batch }, (_, i) => draw(step, i));
      empty ??= encoded.states(0);
      const [emptyStates, rows, states] = await Promise.all([
        empty,
        Promise.all(drawn.map(({ record, view }) => encoded.view(record, view))),
        Promise.all(drawn.map(({ record, view }) => encoded.states(encoded.sentenceOf(record, view)))),
      ]);
      const channels = (first: number, count: number) =>
        joined(rows.map((row) => row.subarray(first * place, (first + count) * place)));
      return {
        size,
        tasks: drawn.map(({ record }) => store.samples[record]!.record.task),
        imageLatents: channels(0, Z),
        targetMean: channels(Z, Z),
        targetLogvar: manifest.logvar ? channels(2 * Z, Z) : null,
        latentWeights: channels(manifest.logvar ? 3 * Z : 2 * Z, 1),
        textStates: joined(states),
        emptyStates,
      };
    },
    photos: () => Promise.reject(new TypeError("an encoded corpus has no photos")),
    close: () => encoded.close(),
  };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.length * parts[0]!.length);
  for (const [i, part] of parts.entries()) all.set(part, i * part.length);
  return all;
}
