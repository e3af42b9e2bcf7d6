/** Writes records into tar files whose bytes depend on nothing but the records; a file appears under its name only when whole. */
import { createHash, type Hash, randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Pack, pack } from "tar-stream";
import { InstructCvError } from "../errors.js";
import type { Shard } from "./record.js";

/** One file of a record: `suffix` as in `<key>.<suffix>`. */
export interface Member {
  readonly suffix: string;
  readonly bytes: Buffer;
}

/** A fixed time for all members, so that equal contents give equal tar files. */
const EPOCH = new Date(0);
/** What tar adds: a header of 512 bytes and padding to the next 512 for each member, 1024 bytes at the end. */
const tarBytes = (bytes: number) => 512 + Math.ceil(bytes / 512) * 512;
const TAR_END = 1024;
/** Bytes written at a time. */
const BLOCK = 1 << 18;

export class ShardWriter {
  private readonly finished: Shard[] = [];
  private current: OpenShard | undefined;

  /** The first file is `<folder>/<name>.tar`; what does not fit into `maxBytes` goes on in `<name>-1.tar` and so on. */
  constructor(
    private readonly folder: string,
    private readonly name: string,
    private readonly maxBytes: number,
  ) {}

  /** @throws {InstructCvError} "corpus" when the disk is full or cannot be written. */
  async add(key: string, members: readonly Member[]): Promise<void> {
    const bytes = members.reduce((sum, member) => sum + tarBytes(member.bytes.length), 0);
    if (this.current && this.current.bytes + bytes + TAR_END > this.maxBytes) await this.finishShard();
    this.current ??= await OpenShard.create(this.folder, this.name + this.suffix());
    await this.current.add(key, members);
  }

  /** Puts the last file in its place; the list of all of them. */
  async close(): Promise<readonly Shard[]> {
    if (this.current) await this.finishShard();
    return this.finished;
  }

  /** Removes what is not finished, after a failure. */
  async abandon(): Promise<void> {
    await this.current?.abandon();
    this.current = undefined;
  }

  private suffix(): string {
    return this.finished.length === 0 ? "" : `-${this.finished.length}`;
  }

  private async finishShard(): Promise<void> {
    this.finished.push(await this.current!.finish());
    this.current = undefined;
  }
}

class OpenShard {
  private readonly tar: Pack = pack();
  private readonly hash: Hash = createHash("sha256");
  private readonly drained: Promise<void>;
  private failure: unknown;
  private records = 0;
  private written = 0;
  /** Of the records so far; a little more when names are long. */
  bytes = 0;

  private constructor(
    private readonly file: FileHandle,
    private readonly folder: string,
    private readonly name: string,
    private readonly temporary: string,
  ) {
    this.drained = this.drain();
    this.drained.catch((error) => {
      this.failure = error;
    });
  }

  static async create(folder: string, name: string): Promise<OpenShard> {
    const temporary = join(folder, temporaryName(name));
    try {
      return new OpenShard(await open(temporary, "wx"), folder, name, temporary);
    } catch (error) {
      throw cannotWrite(join(folder, `${name}.tar`), error);
    }
  }

  async add(key: string, members: readonly Member[]): Promise<void> {
    for (const { suffix, bytes } of members) {
      const entry = new Promise<void>((resolve, reject) =>
        this.tar.entry({ name: `${key}.${suffix}`, mtime: EPOCH, mode: 0o644, size: bytes.length }, bytes, (error) =>
          error ? reject(error) : resolve(),
        ),
      );
      await Promise.race([entry, this.drained]);
      if (this.failure) throw cannotWrite(join(this.folder, `${this.name}.tar`), this.failure);
      this.bytes += tarBytes(bytes.length);
    }
    this.records++;
  }

  async finish(): Promise<Shard> {
    const file = `${this.name}.tar`;
    try {
      this.tar.finalize();
      await this.drained;
      await this.file.sync();
      await this.file.close();
      await rename(this.temporary, join(this.folder, file));
    } catch (error) {
      await this.abandon();
      throw cannotWrite(join(this.folder, file), error);
    }
    return { file, records: this.records, bytes: this.written, sha256: this.hash.digest("hex") };
  }

  async abandon(): Promise<void> {
    this.tar.destroy();
    await this.drained.catch(() => {});
    await this.file.close().catch(() => {});
    await rm(this.temporary, { force: true });
  }

  private async drain(): Promise<void> {
    let waiting: Buffer[] = [];
    let bytes = 0;
    const flush = async () => {
      const block = Buffer.concat(waiting, bytes);
      waiting = [];
      bytes = 0;
      this.hash.update(block);
      this.written += block.length;
      await this.file.writeFile(block);
    };
    for await (const chunk of this.tar as AsyncIterable<Buffer>) {
      waiting.push(chunk);
      bytes += chunk.length;
      if (bytes >= BLOCK) await flush();
    }
    await flush();
  }
}

/** Beside the file it becomes, hidden, and told apart from those of other machines. */
const temporaryName = (name: string) => `.${name}.tar.${process.pid}-${randomBytes(4).toString("hex")}.tmp`;

/** Whether a file is the unfinished shard `name` of some build: what a killed one leaves. */
export function isTemporaryShard(file: string, name: string): boolean {
  return new RegExp(`^\\.${name}(?:-\\d+)?\\.tar\\.\\d+-[0-9a-f]+\\.tmp$`).test(file);
}

export function cannotWrite(path: string, error: unknown): InstructCvError {
  const { code, message } = error as NodeJS.ErrnoException;
  const full = code === "ENOSPC" || code === "EFBIG" || code === "EDQUOT";
  return new InstructCvError(
    "corpus",
    `${path}: cannot be written, ${full ? `the disk is full (${code})` : message}.`,
    "Make room or name another folder, then run the same command again: it goes on where it stopped.",
  );
}
