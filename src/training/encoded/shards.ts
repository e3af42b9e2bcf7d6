/** Writes the shards of an encoded corpus, row by row to the disk, each with the note that says it is whole. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import { fromFloat32 } from "../../checkpoints/float16.js";
import { stageSafetensors } from "../../checkpoints/staged-safetensors.js";
import { InstructCvError } from "../../errors.js";
import { writeAtomic } from "../../files.js";
import { sha256 } from "../seal.js";
import {
  type EncodedFile,
  indexFile,
  noteName,
  type Plan,
  readNote,
  rowShape,
  type ShardKind,
  tensorOf,
} from "./layout.js";

/**
 * Writes `file` of `count` rows from pieces of whole rows, then its note {bytes, sha256, rows}. A kill leaves no shard, or one without
 * a note, which is written again.
 */
export async function writeShard(
  dir: string,
  file: string,
  kind: ShardKind,
  plan: Plan,
  count: number,
  pieces: AsyncIterable<Float32Array>,
  rows: () => readonly unknown[],
): Promise<EncodedFile> {
  const shape = [count, ...rowShape(plan, kind)];
  async function* bytes() {
    for await (const piece of pieces) {
      checkRange(piece, file, plan);
      yield fromFloat32(piece, plan.dtype);
    }
  }
  const written = await stage(join(dir, file), { name: tensorOf[kind], dtype: plan.dtype, shape, bytes });
  await writeAtomic(join(dir, noteName(file)), JSON.stringify({ ...written, rows: rows() }));
  return { file, ...written };
}

/** A number that is none, or that float16 cannot hold, would spoil every step that draws it. */
function checkRange(values: Float32Array, file: string, { dtype, computed }: Plan): void {
  const most = dtype === "F16" ? 65504 : 3.4028235e38;
  const bad = values.findIndex((value) => !(Math.abs(value) <= most));
  if (bad < 0) return;
  throw new InstructCvError(
    "engine",
    `${file}: expected numbers that ${dtype} holds, found ${values[bad]} (computed in ${computed.dtype}).`,
    "Encode with compute.dtype: float32, and without --dtype float16.",
  );
}

/** The note of a shard whose file has the size that the note says; null when it has to be written (again). */
export async function wholeShard<T extends { bytes: number }>(
  dir: string,
  file: string,
  schema: z.ZodType<T>,
): Promise<T | null> {
  const note = await readNote(join(dir, noteName(file)), schema);
  const found = await stat(join(dir, file)).catch(() => null);
  return note && found?.size === note.bytes ? note : null;
}

export async function writeIndex(dir: string, sentences: Int32Array): Promise<EncodedFile> {
  const bytes = () => new Uint8Array(sentences.buffer, sentences.byteOffset, sentences.byteLength);
  const tensor = { name: "sentences", dtype: "I32" as const, shape: [sentences.length], bytes };
  return { file: indexFile, ...(await stage(join(dir, indexFile), tensor)) };
}

async function stage(path: string, tensor: Parameters<typeof stageSafetensors>[1][number]) {
  let digest = "";
  await stageSafetensors(path, [tensor], {}, async (temporary) => {
    // Nothing is added to the header, so these are the bytes that stay.
    digest = await sha256(temporary, false);
    return {};
  });
  return { bytes: (await stat(path)).size, sha256: digest };
}
