/** Photos and labels as rasters: decoded in memory, or decoded from their place in a shard, where the last ones used are kept. */
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { dataCheck, type Span } from "../corpus/read.js";
import { InstructCvError } from "../errors.js";
import { readGrey16, readPicture } from "../image/io.js";

/**
 * Square, at the corpus size. Photo: RGB HWC. Mask: the grey of the target picture, 255 = the category, 128 = unknown, 0 = neither.
 * Depth: millimetres, 0 = unknown.
 */
export type RasterKind = "photo" | "mask" | "depth";

/** An encoded raster in a shard. */
export interface Located extends Span {
  readonly kind: RasterKind;
  /** Path. */
  readonly shard: string;
  /** Its record, as an error names it. */
  readonly place: string;
}

/** A raster in memory, or where it lies. */
export type Stored<T extends Uint8Array | Uint16Array> = T | Located;

/** Bytes of a raster in memory; `side` is the corpus size. */
export function rasterBytes(kind: RasterKind, side: number): number {
  return side * side * { photo: 3, mask: 1, depth: 2 }[kind];
}

interface Kept {
  readonly raster: Promise<Uint8Array | Uint16Array>;
  readonly bytes: number;
}

export class RasterReader {
  /** Least recently used first. */
  readonly #kept = new Map<string, Kept>();
  readonly #shards = new Map<string, Promise<FileHandle>>();
  #bytes = 0;

  /** Keeps at most `budget` bytes of rasters; what a caller still holds comes on top. */
  constructor(
    readonly side: number,
    private readonly budget: number,
  ) {}

  /**
   * The raster; do not write into it. Throws InstructCvError("corpus") that names shard, record and byte when it cannot be decoded or has
   * not the corpus size.
   */
  async get<T extends Uint8Array | Uint16Array>(stored: Stored<T>): Promise<T> {
    if (ArrayBuffer.isView(stored)) return stored;
    const name = `${stored.shard}:${stored.offset}`;
    const kept = this.#kept.get(name) ?? { raster: this.#decode(stored), bytes: rasterBytes(stored.kind, this.side) };
    this.#use(name, kept);
    try {
      return (await kept.raster) as T;
    } catch (error) {
      this.#drop(name);
      throw error;
    }
  }

  async close(): Promise<void> {
    const shards = [...this.#shards.values()];
    this.#shards.clear();
    this.#kept.clear();
    this.#bytes = 0;
    for (const shard of await Promise.allSettled(shards)) if (shard.status === "fulfilled") await shard.value.close();
  }

  #use(name: string, kept: Kept): void {
    this.#drop(name);
    this.#kept.set(name, kept);
    this.#bytes += kept.bytes;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.budget) break;
      this.#drop(oldest);
    }
  }

  #drop(name: string): void {
    this.#bytes -= this.#kept.get(name)?.bytes ?? 0;
    this.#kept.delete(name);
  }

  async #decode(located: Located): Promise<Uint8Array | Uint16Array> {
    const { kind, shard, place } = located;
    try {
      const bytes = await this.#read(located);
      return kind === "depth" ? await depth(bytes, this.side) : await rgb(bytes, this.side, kind);
    } catch (error) {
      throw new InstructCvError("corpus", `${place}: ${(error as Error).message}`, dataCheck(dirname(shard)));
    }
  }

  async #read({ shard, offset, length }: Located): Promise<Buffer> {
    const file = this.#shards.get(shard) ?? open(shard);
    this.#shards.set(shard, file);
    const bytes = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await (await file).read(bytes, 0, length, offset);
    if (bytesRead === length) return bytes;
    throw new InstructCvError("corpus", `${length} bytes from byte ${offset}: the file has become shorter.`);
  }
}

async function rgb(bytes: Buffer, side: number, kind: "photo" | "mask"): Promise<Uint8Array> {
  const name = kind === "photo" ? "image.jpg" : "target.png";
  const { width, height, data } = await readPicture(bytes, { name });
  if (width !== side || height !== side) {
    throw new InstructCvError("corpus", `${name}: ${width}x${height}, the manifest says ${side}.`);
  }
  return kind === "photo" ? data : Uint8Array.from({ length: side * side }, (_, i) => data[i * 3]!);
}

async function depth(bytes: Buffer, side: number): Promise<Uint16Array> {
  const { data } = await readGrey16(bytes);
  if (data.length === side * side) return Uint16Array.from(data);
  throw new InstructCvError("corpus", `depth.png: not ${side}x${side}.`);
}
