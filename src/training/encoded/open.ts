/** Opens an encoded corpus for a run: checks that it is that of the recipe, then reads single rows where they lie. */
import { type FileHandle, open, stat } from "node:fs/promises";
import { join } from "node:path";
import { toFloat32 } from "../../checkpoints/float16.js";
import { readSafetensors } from "../../checkpoints/safetensors.js";
import { InstructCvError } from "../../errors.js";
import type { TrainConfig } from "../config.js";
import { type Digests, digestsOf } from "./encoders.js";
import {
  type EncodedManifest,
  encodeAgain,
  indexFile,
  readEncodedManifest,
  rowShape,
  type ShardKind,
  shardName,
  tensorOf,
} from "./layout.js";
import { rowBytes } from "./plan.js";
import { checkEncodable, differing, settingsOf } from "./settings.js";

export interface Encoded {
  readonly manifest: EncodedManifest;
  /** [channels, h, w] of a view, as `channelsOf` counts them. */
  view(record: number, view: number): Promise<Float32Array>;
  /** Of the sentence of that view. */
  sentenceOf(record: number, view: number): number;
  /** [L, D] of a sentence; 0 is the empty one. */
  states(sentence: number): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Opens `config.data.encoded`. Only the sentence of each view is held in memory (4 bytes each); rows come from the page cache or the disk.
 * Throws InstructCvError("config") that names the key by which the folder is not that of the recipe, "corpus" for a shard that is missing
 * or has another size; what is inside, `checkEncoded` verifies.
 */
export async function openEncoded(config: TrainConfig): Promise<Encoded> {
  const dir = config.data.encoded!;
  checkEncodable(config);
  const manifest = await readEncodedManifest(dir);
  checkOrigin(config, manifest, await digestsOf(config));
  for (const { file, bytes } of manifest.files) {
    const found = await stat(join(dir, file)).catch(() => null);
    if (found?.size !== bytes)
      throw damaged(join(dir, file), `expected ${bytes} bytes, found ${found?.size ?? "no file"}`);
  }
  const sentences = await readIndex(join(dir, indexFile), manifest);
  const views = await openShards(dir, manifest, "views");
  const text = await openShards(dir, manifest, "text");
  const place = (record: number, view: number) => record * manifest.views + view;
  return {
    manifest,
    view: (record, view) => views.row(place(record, view)),
    sentenceOf: (record, view) => sentences[place(record, view)]!,
    states: (sentence) => text.row(sentence),
    async close() {
      await views.close();
      await text.close();
    },
  };
}

/** The keys of the recipe that name what the digests are of. */
const origins: Readonly<Record<keyof Digests, string>> = {
  corpus: "data.corpus (its manifest.json)",
  tokenizer: "model.init (its tokenizer)",
  vae: "model.init (its vae's weights)",
  text_encoder: "model.init (its text encoder's weights)",
};

export function checkOrigin(config: TrainConfig, manifest: EncodedManifest, digests: Digests): void {
  const wanted = settingsOf(config);
  const [key] = differing(wanted, manifest.settings);
  const [part] = differing({ ...digests }, { ...manifest.digests }) as (keyof Digests)[];
  const spread = config.loss.target_latents === "sample" && !manifest.logvar;
  const problem =
    key !== undefined
      ? `${key}: expected ${JSON.stringify(wanted[key])} as in the recipe, found ${JSON.stringify(manifest.settings[key])}`
      : part !== undefined
        ? `${origins[part]}: expected SHA-256 ${digests[part]}, found ${manifest.digests[part]}`
        : spread
          ? "loss.target_latents: expected what sample needs, found the modes alone"
          : null;
  if (problem === null) return;
  throw new InstructCvError(
    "config",
    `${config.data.encoded}: was encoded from something else: ${problem}.`,
    "Run `instructcv data encode` with this recipe and another --out, or correct the key.",
  );
}

async function readIndex(path: string, { records, views, sentences }: EncodedManifest): Promise<Int32Array> {
  const { start, end } = await tensorIn(path, "sentences", "I32", [records * views]);
  const file = await open(path, "r");
  try {
    const bytes = await readAt(file, path, start, end - start);
    const index = new Int32Array(bytes.buffer, 0, bytes.length / 4);
    if (index.some((sentence) => sentence < 0 || sentence >= sentences))
      throw damaged(path, `names a sentence that is not among the ${sentences}`);
    return index;
  } finally {
    await file.close();
  }
}

/** The shards of one kind; a file is opened when it is first read and stays open. */
async function openShards(dir: string, manifest: EncodedManifest, kind: ShardKind) {
  const total = kind === "views" ? manifest.records * manifest.views : manifest.sentences;
  const each = manifest.shard_rows[kind];
  const shape = rowShape(manifest, kind);
  const starts: number[] = [];
  for (let first = 0; first < total; first += each) {
    const path = join(dir, shardName(kind, first / each));
    const rows = Math.min(each, total - first);
    starts.push((await tensorIn(path, tensorOf[kind], manifest.dtype, [rows, ...shape])).start);
  }
  const bytes = rowBytes(manifest, kind);
  const files = new Map<number, Promise<FileHandle>>();
  return {
    async row(i: number): Promise<Float32Array> {
      const shard = Math.floor(i / each);
      const path = join(dir, shardName(kind, shard));
      const opened = files.get(shard) ?? open(path, "r");
      files.set(shard, opened);
      const file = await opened;
      return toFloat32(await readAt(file, path, starts[shard]! + (i % each) * bytes, bytes), manifest.dtype);
    },
    async close() {
      for (const file of files.values()) await (await file).close();
      files.clear();
    },
  };
}

/** Where the tensor lies in the file. */
async function tensorIn(path: string, name: string, dtype: string, shape: readonly number[]) {
  const { entries } = await readSafetensors(path).catch((error: InstructCvError) => {
    throw damaged(path, error.message);
  });
  const entry = entries.get(name);
  if (entry?.dtype === dtype && `${entry.shape}` === `${shape}`) return entry;
  const found = entry ? `${entry.dtype} [${entry.shape}]` : "none";
  throw damaged(path, `expected a tensor "${name}" of ${dtype} [${shape}], found ${found}`);
}

async function readAt(file: FileHandle, path: string, start: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, start + done);
    if (bytesRead === 0) throw damaged(path, `ends at byte ${start + done}`);
    done += bytesRead;
  }
  return bytes;
}

function damaged(path: string, why: string): InstructCvError {
  return new InstructCvError("corpus", `${path}: damaged: ${why}.`, `Remove the file. ${encodeAgain}`);
}
