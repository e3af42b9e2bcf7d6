/** Reads every byte of an encoded corpus against its manifest. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "../seal.js";
import { readEncodedManifest } from "./layout.js";

export interface EncodedReport {
  /** Empty when all is as it was written; one line each. */
  readonly problems: readonly string[];
  readonly records: number;
  readonly views: number;
  readonly sentences: number;
  readonly bytes: number;
}

/**
 * @param onProgress called with the megabytes read so far and those of the manifest
 * @throws {InstructCvError} "corpus" when `dir` is no finished encoded corpus
 */
export async function checkEncoded(
  dir: string,
  onProgress: (done: number, total: number) => void = () => {},
  signal?: AbortSignal,
): Promise<EncodedReport> {
  const { files, records, views, sentences } = await readEncodedManifest(dir);
  const problems: string[] = [];
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const megabytes = (n: number) => Math.ceil(n / 1e6);
  let done = 0;
  for (const { file, bytes: expected, sha256: digest } of files) {
    signal?.throwIfAborted();
    const path = join(dir, file);
    const size = (await stat(path).catch(() => null))?.size;
    if (size === undefined) problems.push(`${file}: missing`);
    else if (size !== expected) problems.push(`${file}: ${size} bytes, the manifest says ${expected}`);
    else if ((await sha256(path, false)) !== digest) problems.push(`${file}: its checksum is not the manifest's`);
    done += expected;
    onProgress(megabytes(done), megabytes(bytes));
  }
  return { problems, records, views: records * views, sentences, bytes };
}
