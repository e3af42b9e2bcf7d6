/** Writes a safetensors file tensor by tensor, and looks at it before anybody else can. */
import { writeStaged } from "../files.js";
import { type TensorType, width } from "./safetensors.js";

export interface StagedTensor {
  readonly name: string;
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  /** Its little-endian bytes, whole or in pieces, made when it is written: only one tensor or piece is in memory at a time. */
  bytes(): Uint8Array | Promise<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** Room for what `finish` adds to the metadata. */
const RESERVED = 2 ** 15;

/**
 * Writes a temporary file in the folder of `path`, has `finish` look at it, adds what `finish` returns (at most 32 KiB) to its
 * metadata and renames it to `path`. When anything fails the temporary file is removed and an older file stays.
 */
export async function stageSafetensors(
  path: string,
  tensors: readonly StagedTensor[],
  metadata: Readonly<Record<string, string>>,
  finish: (temporary: string) => Promise<Readonly<Record<string, string>>>,
): Promise<void> {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = offset + shape.reduce((product, n) => product * n, width[dtype]);
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const length = Math.ceil((Buffer.byteLength(JSON.stringify(header)) + RESERVED) / 8) * 8;
  await writeStaged(path, async (file, temporary) => {
    await file.writeFile(encodeHeader(header, length));
    for (const tensor of tensors) {
      const bytes = await tensor.bytes();
      for await (const piece of bytes instanceof Uint8Array ? [bytes] : bytes) await file.writeFile(piece);
    }
    await file.sync();
    const complete = { ...header, __metadata__: { ...metadata, ...(await finish(temporary)) } };
    await file.write(encodeHeader(complete, length), 0, 8 + length, 0);
  });
}

function encodeHeader(header: object, length: number): Uint8Array {
  const json = Buffer.from(JSON.stringify(header));
  if (json.length > length) throw new RangeError(`metadata of more than ${RESERVED} bytes`);
  const bytes = Buffer.alloc(8 + length, " ");
  bytes.writeBigUInt64LE(BigInt(length));
  json.copy(bytes, 8);
  return bytes;
}
