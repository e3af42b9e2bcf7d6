/** Walks a shard as it lies on disk, whether or not its records are whole. */
import type { Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import type { CorpusEntry, CorpusRecord } from "./record.js";

/** Where a member's own bytes lie in its shard, so that it can be read again without what is before it. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}

/** The members of one key, by suffix. */
export interface RecordFiles {
  readonly key: string;
  /** Where its first file begins in the shard, bytes. */
  readonly offset: number;
  readonly members: ReadonlyMap<string, Buffer>;
  readonly spans: ReadonlyMap<string, Span>;
}

/**
 * Neighbouring members of one key at a time. All bytes of the file go into `hash`.
 * @param damaged makes what is thrown when the file is no whole tar file, of the reason
 */
export async function* walkShard(
  path: string,
  hash: Hash,
  damaged: (why: string) => Error,
): AsyncGenerator<RecordFiles> {
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
  let offset = 0;
  let members = new Map<string, Buffer>();
  let spans = new Map<string, Span>();
  try {
    for await (const entry of tar) {
      const { name } = entry.header;
      const dot = name.indexOf(".");
      const entryKey = dot < 0 ? name : name.slice(0, dot);
      if (entryKey !== key && members.size > 0) {
        yield { key, offset, members, spans };
        members = new Map();
        spans = new Map();
      }
      // The reader's own types leave it out.
      const begin = (entry.header as { byteOffset?: number }).byteOffset ?? 0;
      if (members.size === 0) offset = begin;
      key = entryKey;
      const parts: Buffer[] = [];
      for await (const part of entry as AsyncIterable<Buffer>) parts.push(part);
      const bytes = Buffer.concat(parts);
      const suffix = dot < 0 ? "" : name.slice(dot + 1);
      members.set(suffix, bytes);
      spans.set(suffix, { offset: begin, length: bytes.length });
    }
    if (members.size > 0) yield { key, offset, members, spans };
    await source;
  } catch (error) {
    throw damaged(`${(error as Error).message}${members.size > 0 ? `, in or after ${key} at byte ${offset}` : ""}`);
  }
}

/** The record, or a line for each thing that it lacks. */
export function toEntry({ key, members }: RecordFiles): CorpusEntry | string[] {
  const [json, image, target, depth] = ["json", "image.jpg", "target.png", "depth.png"].map((name) =>
    members.get(name),
  );
  const record = json && parseRecord(json);
  if (record && image && target && record.key === key) return { record, image, target, ...(depth && { depth }) };
  const missing = ["json", "image.jpg", "target.png"].filter((name) => !members.has(name));
  return [
    ...missing.map((name) => `${name}: missing`),
    ...(json && !record ? ["json: is no JSON object"] : []),
    ...(record && record.key !== key ? [`json: calls itself ${record.key}`] : []),
  ];
}

function parseRecord(json: Buffer): CorpusRecord | undefined {
  try {
    const value: unknown = JSON.parse(json.toString("utf8"));
    return value !== null && typeof value === "object" ? (value as CorpusRecord) : undefined;
  } catch {
    return undefined;
  }
}
