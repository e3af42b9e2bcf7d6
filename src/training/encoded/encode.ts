/** Encodes the training split of a recipe: augmented views through the VAE, their sentences through the text encoder, into shards. */
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { writeAtomic } from "../../files.js";
import { collate } from "../batch.js";
import type { TrainConfig } from "../config.js";
import { memoryLimit } from "../data-limits.js";
import type { Example } from "../example.js";
import { RasterReader } from "../rasters.js";
import { removeLeftovers } from "../resume.js";
import { openStores, type Store } from "../store.js";
import { latentWeights } from "../weighting.js";
import { digestsOf, type Encoders, openEncoders } from "./encoders.js";
import {
  type EncodedFile,
  type EncodedManifest,
  type Plan,
  shardName,
  textNoteSchema,
  type ViewNote,
  viewNoteSchema,
} from "./layout.js";
import { beginPlan, checkRoom, type EncodeOptions, makePlan, rowBytes } from "./plan.js";
import { checkEncodable } from "./settings.js";
import { wholeShard, writeIndex, writeShard } from "./shards.js";
import { createViews } from "./views.js";

export type { EncodeOptions } from "./plan.js";

export interface EncodeProgress {
  readonly what: "views" | "sentences";
  readonly done: number;
  readonly total: number;
  /** Of `done`, those that were there already. */
  readonly kept: number;
}

/**
 * Writes or completes the encoded corpus `dir`. Nothing but a batch is held in memory, and the sentences. Throws InstructCvError
 * "config" for a recipe that cannot be encoded, "usage" for a folder of another encoding or a disk without room; when `signal` aborts,
 * its reason, and whole shards stay.
 */
export async function encodeCorpus(
  config: TrainConfig,
  dir: string,
  options: EncodeOptions = {},
  onProgress: (progress: EncodeProgress) => void = () => {},
  signal?: AbortSignal,
): Promise<EncodedManifest> {
  checkEncodable(config);
  const { train } = await openStores(config);
  const plan = makePlan(config, train.samples.length, await digestsOf(config), options);
  await beginPlan(dir, plan);
  await removeLeftovers(dir);
  const encoders = await openEncoders(config);
  const reader = new RasterReader(train.size, memoryLimit(config));
  try {
    const run = { dir, plan, encoders, onProgress, signal };
    const { files: views, sentences: asked } = await encodeViews(run, train, config, reader);
    const places = new Map<string, number>();
    for (const sentence of ["", ...asked]) if (!places.has(sentence)) places.set(sentence, places.size);
    const texts = await encodeSentences(run, [...places.keys()]);
    const index = await writeIndex(
      dir,
      Int32Array.from(asked, (sentence) => places.get(sentence)!),
    );
    const manifest = { ...plan, sentences: places.size, files: [...views, ...texts, index] };
    await writeAtomic(join(dir, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    return manifest;
  } finally {
    encoders.close();
    await reader.close();
  }
}

interface Run {
  readonly dir: string;
  readonly plan: Plan;
  readonly encoders: Encoders;
  readonly onProgress: (progress: EncodeProgress) => void;
  readonly signal: AbortSignal | undefined;
}

/** The shards and the sentence of each view. */
async function encodeViews(run: Run, store: Store, config: TrainConfig, reader: RasterReader) {
  const { dir, plan, encoders, signal } = run;
  const exampleOf = createViews(store, config, reader);
  const total = plan.records * plan.views;
  const shards = await shardsOf(run, "views", total, (file) => wholeShard(dir, file, viewNoteSchema));
  const files: EncodedFile[] = [];
  const sentences: string[] = [];
  const counted = counter(run, "views", total, shards);
  for (const { file, start, count, note } of shards) {
    let rows: ViewNote["rows"] = note?.rows ?? [];
    async function* pieces() {
      rows = [];
      for (let at = start; at < start + count; at += plan.computed.batch) {
        signal?.throwIfAborted();
        const places = Array.from({ length: Math.min(plan.computed.batch, start + count - at) }, (_, i) => {
          return { record: Math.floor((at + i) / plan.views), view: (at + i) % plan.views };
        });
        const examples = await Promise.all(places.map(({ record, view }) => exampleOf(record, view)));
        for (const [i, { task, slots, instruction: sentence }] of examples.entries()) {
          const { record, view } = places[i]!;
          rows.push({ record: store.samples[record]!.record.key, view, task, slots, sentence });
        }
        yield encodeExamples(encoders, plan, examples);
        counted(examples.length);
        await setImmediate();
      }
    }
    files.push(
      note
        ? { file, bytes: note.bytes, sha256: note.sha256 }
        : await writeShard(dir, file, "views", plan, count, pieces(), () => rows),
    );
    for (const { sentence } of rows) sentences.push(sentence);
  }
  return { files, sentences };
}

/** Rows of `views`, as `channelsOf` counts them; batches have one size, so that a view's bits do not depend on who comes with it. */
function encodeExamples({ torch, codec, tokenizer }: Encoders, plan: Plan, examples: readonly Example[]): Float32Array {
  const { ops } = torch;
  const B = plan.computed.batch;
  const batch = collate(padded(examples, B), tokenizer);
  const shape = [B, 3, batch.size, batch.size];
  return torch.noGrad(() =>
    torch.tidy(() => {
      const image = codec.encode(ops, ops.constant(batch.image, shape));
      const { mean, logvar } = codec.posterior(ops, ops.constant(batch.target, shape));
      const spread = plan.logvar && logvar ? [logvar] : [];
      const rows = torch.read(ops.concat([image, mean, ...spread, latentWeights(ops, batch, codec.factor)], 1));
      return rows.subarray(0, (rows.length / B) * examples.length);
    }),
  );
}

async function encodeSentences(run: Run, sentences: readonly string[]): Promise<EncodedFile[]> {
  const { dir, plan, encoders, signal } = run;
  const { torch, tokenizer, textEncoder } = encoders;
  const { ops } = torch;
  const B = plan.computed.batch;
  const shards = await shardsOf(run, "text", sentences.length, async (file, start, count) => {
    const note = await wholeShard(dir, file, textNoteSchema);
    const same = note?.rows.length === count && note.rows.every((row, i) => row === sentences[start + i]);
    return same ? note : null;
  });
  const counted = counter(run, "sentences", sentences.length, shards);
  const files: EncodedFile[] = [];
  for (const { file, start, count, note } of shards) {
    const rows = sentences.slice(start, start + count);
    async function* pieces() {
      for (let at = 0; at < count; at += B) {
        signal?.throwIfAborted();
        const some = rows.slice(at, at + B);
        const ids = BigInt64Array.from(padded(some, B).flatMap((sentence) => tokenizer.encode(sentence).map(BigInt)));
        yield torch.noGrad(() =>
          torch.tidy(() => {
            const states = torch.read(textEncoder.forward(ops, ops.constant(ids, [B, ids.length / B])));
            return states.subarray(0, (states.length / B) * some.length);
          }),
        );
        counted(some.length);
        await setImmediate();
      }
    }
    files.push(
      note
        ? { file, bytes: note.bytes, sha256: note.sha256 }
        : await writeShard(dir, file, "text", plan, count, pieces(), () => rows),
    );
  }
  return files;
}

/** The shards that `total` rows fill, with the notes of those that are whole; asks the disk for room for the others. */
async function shardsOf<T>(
  { dir, plan }: Run,
  kind: "views" | "text",
  total: number,
  whole: (file: string, start: number, count: number) => Promise<T | null>,
) {
  const each = plan.shard_rows[kind];
  const shards = [];
  for (let start = 0; start < total; start += each) {
    const file = shardName(kind, start / each);
    const count = Math.min(each, total - start);
    shards.push({ file, start, count, note: await whole(file, start, count) });
  }
  const missing = shards.reduce((sum, { count, note }) => sum + (note ? 0 : count), 0);
  await checkRoom(dir, missing * rowBytes(plan, kind), kind === "views" ? `${missing} views` : `${missing} sentences`);
  return shards;
}

function counter(
  { onProgress }: Run,
  what: EncodeProgress["what"],
  total: number,
  shards: readonly { count: number; note: unknown }[],
) {
  const kept = shards.reduce((sum, { count, note }) => sum + (note ? count : 0), 0);
  let done = kept;
  onProgress({ what, done, total, kept });
  return (more: number) => {
    done += more;
    onProgress({ what, done, total, kept });
  };
}

/** As many as `count`, the last one again and again. */
const padded = <T>(items: readonly T[], count: number): T[] =>
  Array.from({ length: count }, (_, i) => items[Math.min(i, items.length - 1)]!);
