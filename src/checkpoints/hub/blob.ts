/** Fetches one file into the cache: goes on where an earlier attempt stopped, and believes nothing but its hash. */
import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { InstructCvError } from "../../errors.js";
import { isAbort, reason } from "./http-errors.js";
import { type Patience, pause } from "./patience.js";

/** A file as the hub lists it. */
export interface RemoteFile {
  /** In the repository. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Hex digest: sha256 of the content, or (40 digits) git's blob sha1. It is the blob's name. */
  readonly etag: string;
}

export interface BlobDownload {
  readonly file: RemoteFile;
  readonly url: string;
  /** `<etag>.incomplete` beside it holds what has arrived, also between runs. */
  readonly blob: string;
  readonly fetch: typeof globalThis.fetch;
  readonly patience: Patience;
  readonly signal?: AbortSignal;
  /** Bytes of the file that are there; smaller than before when the server starts over. */
  readonly onBytes: (have: number) => void;
}

/**
 * On success the blob is complete, verified and flushed. An abort or a lost connection leaves what has arrived for the next
 * run. Throws InstructCvError("checkpoint"); after a wrong hash or length, what was received is deleted.
 */
export async function downloadBlob(download: BlobDownload): Promise<void> {
  const { file, blob } = download;
  const incomplete = `${blob}.incomplete`;
  await mkdir(dirname(blob), { recursive: true });
  // Never appended to: a second writer, should the lock fail, writes the same bytes to the same places.
  const handle = await open(incomplete, constants.O_RDWR | constants.O_CREAT, 0o666);
  try {
    const found = await receive(handle, download);
    if (found !== file.etag) throw broken(file, `its ${kind(file)} should be ${file.etag}, what arrived has ${found}`);
    await handle.sync();
  } catch (error) {
    if (error instanceof Broken) await rm(incomplete, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  await rename(incomplete, blob);
}

/** Completes the file; returns the digest of all of it. */
async function receive(handle: FileHandle, download: BlobDownload): Promise<string> {
  const { file, url, fetch, patience, signal, onBytes } = download;
  let { hash, have } = await begin(handle, file, signal);
  onBytes(have);
  for (let failed = 0; have < file.size; ) {
    const response = await fetch(url, {
      headers: { "accept-encoding": "identity", ...(have > 0 && { range: `bytes=${have}-` }) },
    });
    if (have > 0 && response.status === 200) {
      // The server does not do ranges: everything comes again.
      hash = newHash(file);
      have = 0;
    }
    checkLength(file, have, response);
    let cut = "the server ended it";
    try {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        if (have + chunk.length > file.size) throw broken(file, `it should be ${file.size} bytes, more arrived`);
        await handle.write(chunk, 0, chunk.length, have);
        hash.update(chunk);
        have += chunk.length;
        failed = 0;
        onBytes(have);
      }
    } catch (error) {
      if (isAbort(error) || error instanceof InstructCvError || isFromDisk(error)) throw error;
      cut = reason(error);
    }
    if (have === file.size) break;
    if (++failed >= patience.attempts) throw stuck(file, have, cut);
    await pause(patience, failed, null, signal);
  }
  return hash.digest("hex");
}

/** What an earlier run left counts if it is not too long; its bytes are hashed again. */
async function begin(handle: FileHandle, file: RemoteFile, signal: AbortSignal | undefined) {
  const hash = newHash(file);
  const { size } = await handle.stat();
  if (size > file.size) {
    await handle.truncate(0);
    return { hash, have: 0 };
  }
  const buffer = Buffer.allocUnsafe(4 << 20);
  let have = 0;
  while (have < size) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, have);
    hash.update(buffer.subarray(0, bytesRead));
    have += bytesRead;
  }
  return { hash, have };
}

const isGit = (file: RemoteFile) => file.etag.length === 40;
const kind = (file: RemoteFile) => (isGit(file) ? "git sha1" : "sha256");

function newHash(file: RemoteFile): Hash {
  return isGit(file) ? createHash("sha1").update(`blob ${file.size}\0`) : createHash("sha256");
}

/** A range must start where it was asked to, and belong to a file of the listed length. */
function checkLength(file: RemoteFile, have: number, response: Response): void {
  if (response.status === 416)
    throw broken(file, `it should be ${file.size} bytes, the server's ends before byte ${have}`);
  if (response.status !== 206) return;
  const range = response.headers.get("content-range") ?? "";
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range) ?? [];
  if (Number(start) !== have || (total !== "*" && Number(total) !== file.size))
    throw broken(file, `bytes ${have} to ${file.size} were asked for, ${JSON.stringify(range)} came`);
}

function isFromDisk(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).syscall === "write";
}

/** What arrived is not the file: useless for another attempt. */
class Broken extends InstructCvError {}

function broken(file: RemoteFile, problem: string): Broken {
  return new Broken(
    "checkpoint",
    `${file.path}: ${problem}.`,
    "It was deleted: run the command again; if it fails again, a proxy or mirror (HF_ENDPOINT) is changing files.",
  );
}

function stuck(file: RemoteFile, have: number, why: string): InstructCvError {
  return new InstructCvError(
    "checkpoint",
    `${file.path}: the download stops at ${have} of ${file.size} bytes (${why}).`,
    "What has arrived is kept: run the command again to go on from there.",
  );
}
