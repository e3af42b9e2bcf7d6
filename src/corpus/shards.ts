/** Writes records into numbered tar files whose bytes depend on nothing but the records. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Pack, pack } from "tar-stream";

/** One file of a record: `suffix` as in `<key>.<suffix>`. */
export interface Member {
  readonly suffix: string;
  readonly bytes: Buffer;
}

export interface ShardInfo {
  readonly file: string;
  readonly records: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** A fixed time for all members, so that equal contents give equal tar files. */
const EPOCH = new Date(0);

export class ShardWriter {
  private readonly finished: ShardInfo[] = [];
  private current: OpenShard | undefined;

  /** Shards are `<folder>/<split>-000000.tar` and so on, each of at most `perShard` records. */
  constructor(
    private readonly folder: string,
    private readonly split: string,
    private readonly perShard: number,
  ) {}

  async add(key: string, members: readonly Member[]): Promise<void> {
    this.current ??= openShard(this.folder, `${this.split}-${String(this.finished.length).padStart(6, "0")}.tar`);
    for (const { suffix, bytes } of members) await this.current.write(`${key}.${suffix}`, bytes);
    this.current.records++;
    if (this.current.records === this.perShard) await this.finishShard();
  }

  /** Closes the last shard; the list of all of them. */
  async close(): Promise<readonly ShardInfo[]> {
    if (this.current) await this.finishShard();
    return this.finished;
  }

  /** Lets go of the open file after a failure. */
  async abandon(): Promise<void> {
    await this.current?.destroy();
    this.current = undefined;
  }

  private async finishShard(): Promise<void> {
    const shard = this.current!;
    this.current = undefined;
    this.finished.push(await shard.finish());
  }
}

interface OpenShard {
  records: number;
  write(name: string, bytes: Buffer): Promise<void>;
  finish(): Promise<ShardInfo>;
  destroy(): Promise<void>;
}

function openShard(folder: string, file: string): OpenShard {
  const tar: Pack = pack();
  const hash = createHash("sha256");
  let size = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  const written = pipeline(tar, meter, createWriteStream(join(folder, file)));
  written.catch(() => {});
  return {
    records: 0,
    async write(name, bytes) {
      const entry = new Promise<void>((resolve, reject) =>
        tar.entry({ name, mtime: EPOCH, mode: 0o644, size: bytes.length }, bytes, (error) =>
          error ? reject(error) : resolve(),
        ),
      );
      await Promise.race([entry, written]);
    },
    async finish() {
      tar.finalize();
      await written;
      return { file, records: this.records, bytes: size, sha256: hash.digest("hex") };
    },
    async destroy() {
      tar.destroy();
      await written.catch(() => {});
    },
  };
}
