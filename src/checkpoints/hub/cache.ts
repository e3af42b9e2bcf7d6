/**
 * The cache that all Hugging Face libraries share: blobs by hash, and a folder of links into them for each commit.
 * @see https://huggingface.co/docs/huggingface_hub/guides/manage-cache
 */
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { writeAtomic } from "../../files.js";
import { checkpointFiles, type Variant } from "../weight-files.js";
import { isCommit, type ModelName } from "./model-name.js";

/** Where the files of one model lie. */
export interface ModelCache {
  /** `models--owner--name`. */
  readonly folder: string;
  /** A file by its hash. */
  blob(etag: string): string;
  /** The folder of a commit, as the hub shows it. */
  snapshot(commit: string): string;
  /** The file that holds the commit of a branch or tag. */
  ref(revision: string): string;
  /** A file that says who is fetching a blob. */
  lock(etag: string): string;
}

export function modelCache(cache: string, repo: string): ModelCache {
  const name = `models--${repo.replace("/", "--")}`;
  const folder = join(cache, name);
  return {
    folder,
    blob: (etag) => join(folder, "blobs", etag),
    snapshot: (commit) => join(folder, "snapshots", commit),
    ref: (revision) => join(folder, "refs", ...revision.split("/")),
    // Python's locks are kernel locks on `<etag>.lock`, which Node cannot take: ours lie beside them.
    lock: (etag) => join(cache, ".locks", name, `${etag}.instructcv.lock`),
  };
}

export interface CachedSnapshot {
  readonly folder: string;
  readonly commit: string;
  /** Whether every part has the kind of weights asked for; otherwise the hub may have better. */
  readonly preferred: boolean;
}

/** The checkpoint that a revision meant when it was last asked for, or null when it is not there, or not all of it. */
export async function cachedSnapshot(
  cache: ModelCache,
  { repo, revision }: ModelName,
  variant?: Variant,
): Promise<CachedSnapshot | null> {
  const commit = isCommit(revision) ? revision : (await readFile(cache.ref(revision), "utf8").catch(() => "")).trim();
  if (!isCommit(commit)) return null;
  const folder = cache.snapshot(commit);
  const paths = await filesOf(folder);
  try {
    const { preferred, paths: needed } = checkpointFiles(paths, repo, variant);
    if (!needed.some((path) => path.startsWith("vae/") && path.endsWith(".safetensors"))) {
      const vae: unknown = JSON.parse(await readFile(join(folder, "vae/config.json"), "utf8"));
      if ((vae as { _class_name?: unknown })._class_name !== "SpaceToDepth") return null;
    }
    return { folder, commit, preferred };
  } catch {
    return null;
  }
}

/** Relative paths, with `/`, of the files below a folder; a link to a blob that is gone does not count. */
async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  const found = await Promise.all(
    entries.map((entry) =>
      stat(join(folder, entry)).then(
        (info) => info.isFile(),
        () => false,
      ),
    ),
  );
  return entries.filter((_, i) => found[i]).map((entry) => entry.split(sep).join("/"));
}

/**
 * Puts a blob into a snapshot: as a relative link, or, where links cannot be made, as the file itself - moved there when it
 * was just fetched (`isNew`), else copied, since another snapshot may hold it too.
 */
export async function linkBlob(
  blob: string,
  pointer: string,
  links: { symlinks: boolean; isNew: boolean },
): Promise<void> {
  await mkdir(dirname(pointer), { recursive: true });
  if (links.symlinks) {
    await rm(pointer, { force: true });
    const made = await symlink(relative(dirname(pointer), blob), pointer).then(
      () => true,
      // EEXIST: another process made the same link in between.
      (error: NodeJS.ErrnoException) => error.code === "EEXIST",
    );
    if (made) return;
  }
  if (links.isNew) return rename(blob, pointer);
  const temporary = `${pointer}.${process.pid}.tmp`;
  await copyFile(blob, temporary);
  await rename(temporary, pointer);
}

/** Remembers which commit a branch or tag is. */
export async function writeRef(cache: ModelCache, revision: string, commit: string): Promise<void> {
  if (revision === commit) return;
  const path = cache.ref(revision);
  if ((await readFile(path, "utf8").catch(() => "")) === commit) return;
  await mkdir(dirname(path), { recursive: true });
  await writeAtomic(path, commit);
}
