/** Reads a corpus: the manifest, and the records of a split in shard order, checksums verified on the way. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import { InstructCvError } from "../errors.js";
import { readManifest } from "./manifest.js";
import type { CorpusRecord, Manifest } from "./record.js";

export interface CorpusEntry {
  readonly record: CorpusRecord;
  /** JPEG of the photo at corpus size. */
  readonly image: Buffer;
  /** PNG of the drawn answer. */
  readonly target: Buffer;
  /** Depth only: 16-bit grey PNG in millimetres, 0 = unknown. */
  readonly depth?: Buffer;
}

export interface Corpus {
  readonly manifest: Manifest;
  /** @throws {InstructCvError} "corpus" for an unknown split, and while reading for a missing, cut or changed shard. */
  records(split: string): AsyncIterable<CorpusEntry>;
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
): AsyncGenerator<CorpusEntry, void, undefined> {
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

async function* readShard(path: string, sha256: string): AsyncGenerator<CorpusEntry> {
  const hash = createHash("sha256");
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const tar = extract();
  const source = pipeline(createReadStream(path), meter, tar);
  source.catch(() => {});
  let key = "";
  let members = new Map<string, Buffer>();
  try {
    for await (const entry of tar) {
      const dot = entry.header.name.indexOf(".");
      const entryKey = entry.header.name.slice(0, dot);
      if (entryKey !== key && members.size > 0) {
        yield toEntry(members, path, key);
        members = new Map();
      }
      key = entryKey;
      members.set(entry.header.name.slice(dot + 1), await collect(entry as AsyncIterable<Buffer>));
    }
    await source;
  } catch (error) {
    if (error instanceof InstructCvError) throw error;
    throw damaged(path, (error as Error).message);
  }
  if (members.size > 0) yield toEntry(members, path, key);
  if (hash.digest("hex") !== sha256) throw damaged(path, "its checksum is not the manifest's");
}

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

function toEntry(members: ReadonlyMap<string, Buffer>, path: string, key: string): CorpusEntry {
  const json = members.get("json");
  const image = members.get("image.jpg");
  const target = members.get("target.png");
  if (!json || !image || !target) throw damaged(path, `record ${key} is not complete`);
  const depth = members.get("depth.png");
  return { record: JSON.parse(json.toString("utf8")) as CorpusRecord, image, target, ...(depth && { depth }) };
}

function damaged(path: string, why: string): InstructCvError {
  return new InstructCvError("corpus", `${path}: damaged shard: ${why}.`, "Build the corpus again.");
}
