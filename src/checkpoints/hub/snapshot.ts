/** Fetches the files of one commit that a checkpoint needs, and lays them out in the cache. */
import { mkdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { listFiles } from "@huggingface/hub";
import { InstructCvError } from "../../errors.js";
import { checkpointFiles, type Variant } from "../weight-files.js";
import { downloadBlob, type RemoteFile } from "./blob.js";
import { linkBlob, type ModelCache } from "./cache.js";
import { withLock } from "./lock.js";
import type { Patience } from "./patience.js";

/** How far a download is; what was there before counts as done. */
export interface DownloadProgress {
  /** The file in the repository that is being fetched. */
  readonly file: string;
  /** Of all files together. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly filesDone: number;
  readonly files: number;
}

export interface SnapshotOptions {
  readonly repo: string;
  readonly commit: string;
  readonly endpoint: string;
  readonly fetch: typeof globalThis.fetch;
}

export interface SnapshotDownload extends SnapshotOptions {
  readonly cache: ModelCache;
  readonly symlinks: boolean;
  readonly patience: Patience;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DownloadProgress) => void;
}

/** The files of a commit that a checkpoint needs, as the hub lists them. Throws InstructCvError("checkpoint"). */
export async function listCheckpoint(options: SnapshotOptions, variant?: Variant): Promise<RemoteFile[]> {
  const { repo, commit, endpoint, fetch } = options;
  const listed = new Map<string, RemoteFile>();
  const tree = {
    repo: { type: "model", name: repo },
    revision: commit,
    recursive: true,
    hubUrl: endpoint,
    fetch,
  } as const;
  for await (const { type, path, size, oid, lfs } of listFiles(tree))
    if (type === "file") listed.set(path, { path, size: lfs?.size ?? size, etag: lfs?.oid ?? oid ?? "" });
  const { paths } = checkpointFiles([...listed.keys()], repo, variant);
  return paths.map((path) => {
    const file = listed.get(path)!;
    // It becomes a file name.
    if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(file.etag))
      throw new InstructCvError(
        "checkpoint",
        `${repo}: ${endpoint} lists ${path} with the hash ${JSON.stringify(file.etag)}, expected 40 or 64 hex digits.`,
        "Check HF_ENDPOINT.",
      );
    return file;
  });
}

/** Returns the snapshot's folder, complete. Throws InstructCvError("checkpoint") or AbortError. */
export async function downloadSnapshot(files: readonly RemoteFile[], download: SnapshotDownload): Promise<string> {
  const { cache, commit, signal, onProgress } = download;
  const folder = cache.snapshot(commit);
  const present = await Promise.all(files.map((file) => bytesPresent(cache, folder, file)));
  const bytesTotal = sum(files.map(({ size }) => size));
  await checkSpace(cache.folder, bytesTotal - sum(present), download.repo);

  for (const [i, file] of files.entries()) {
    signal?.throwIfAborted();
    const report = (have: number) => {
      present[i] = have;
      const filesDone = files.filter(({ size }, k) => present[k] === size).length;
      onProgress?.({ file: file.path, bytesDone: sum(present), bytesTotal, filesDone, files: files.length });
    };
    await fetchFile(download, folder, file, report);
    report(file.size);
  }
  return folder;
}

async function fetchFile(
  download: SnapshotDownload,
  folder: string,
  file: RemoteFile,
  report: (have: number) => void,
): Promise<void> {
  const { repo, commit, endpoint, cache, symlinks, signal } = download;
  const pointer = join(folder, ...file.path.split("/"));
  const blob = cache.blob(file.etag);
  if ((await sizeOf(pointer)) === file.size) return;
  await withLock(cache.lock(file.etag), signal, async () => {
    // Another process may have fetched it while this one waited.
    if ((await sizeOf(pointer)) === file.size) return;
    const isNew = (await sizeOf(blob)) !== file.size;
    if (isNew) {
      const path = file.path.split("/").map(encodeURIComponent).join("/");
      const url = `${endpoint}/${repo}/resolve/${commit}/${path}`;
      await downloadBlob({ ...download, file, url, blob, onBytes: report });
    }
    await linkBlob(blob, pointer, { symlinks, isNew });
  });
}

/** Bytes of a file that need not be fetched any more. */
async function bytesPresent(cache: ModelCache, folder: string, { path, size, etag }: RemoteFile): Promise<number> {
  for (const complete of [join(folder, ...path.split("/")), cache.blob(etag)])
    if ((await sizeOf(complete)) === size) return size;
  const partial = (await sizeOf(`${cache.blob(etag)}.incomplete`)) ?? 0;
  return partial < size ? partial : 0;
}

async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    (info) => info.size,
    () => null,
  );
}

async function checkSpace(folder: string, bytes: number, repo: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < bytes)
    throw new InstructCvError(
      "checkpoint",
      `${repo}: ${gigabytes(bytes)} are still to be fetched, ${folder} has room for ${gigabytes(bavail * bsize)}.`,
      "Free some, or set HF_HUB_CACHE to a folder on another disk.",
    );
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
