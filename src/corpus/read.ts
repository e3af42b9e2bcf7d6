/** Reads a corpus: the manifest, and the records of a split in shard order, checksums verified on the way. */
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { InstructCvError } from "../errors.js";
import { readManifest } from "./manifest.js";
import type { CorpusEntry, Manifest } from "./record.js";
import { type Span, toEntry, walkShard } from "./shard-walk.js";

export type { Span };

/** An entry and where it lies. */
export interface StoredEntry extends CorpusEntry {
  /** Shard and byte, as an error names it. */
  readonly place: string;
  /** Path of the shard, and where in it the members `image.jpg`, `target.png` and so on lie. */
  readonly shard: string;
  readonly spans: ReadonlyMap<string, Span>;
}

export interface Corpus {
  readonly manifest: Manifest;
  /** @throws {InstructCvError} "corpus" for an unknown split, and while reading for a missing, cut or changed shard. */
  records(split: string): AsyncIterable<StoredEntry>;
}

/** @throws {InstructCvError} "corpus" when `dir` holds no manifest of this format. */
export async function openCorpus(dir: string): Promise<Corpus> {
  const manifest = await readManifest(dir);
  return {
    manifest,
    records(name) {
      const split = manifest.splits[name];
      if (!split) {
        throw new InstructCvError(
          "corpus",
          `${join(dir, "manifest.json")}: no split "${name}".`,
          `It has ${Object.keys(manifest.splits).join(", ")}.`,
        );
      }
      return readShards(dir, split.shards);
    },
  };
}

async function* readShards(
  dir: string,
  shards: Manifest["splits"][string]["shards"],
): AsyncGenerator<StoredEntry, void, undefined> {
  for (const shard of shards) {
    const path = join(dir, shard.file);
    let read = 0;
    for await (const entry of readShard(path, shard.sha256)) {
      read++;
      yield entry;
    }
    if (read !== shard.records) throw damaged(path, `${read} records, the manifest says ${shard.records}`);
  }
}

async function* readShard(path: string, sha256: string): AsyncGenerator<StoredEntry> {
  const hash = createHash("sha256");
  for await (const files of walkShard(path, hash, (why) => damaged(path, why))) {
    const entry = toEntry(files);
    if (Array.isArray(entry)) throw damaged(path, `record ${files.key} at byte ${files.offset}: ${entry.join("; ")}`);
    const place = `${path}: record ${files.key} at byte ${files.offset}`;
    yield { ...entry, place, shard: path, spans: files.spans };
  }
  if (hash.digest("hex") !== sha256) throw damaged(path, "its checksum is not the manifest's");
}

function damaged(path: string, why: string): InstructCvError {
  return new InstructCvError("corpus", `${path}: damaged shard: ${why}.`, dataCheck(dirname(path)));
}

/** The cure for whatever a shard has that it should not have. */
export function dataCheck(dir: string): string {
  return `\`instructcv data check ${dir}\` lists all that is damaged; copy or build the corpus again.`;
}
