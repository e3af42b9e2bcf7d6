/** From what a user calls a model - a folder, a file, a name on the hub - to the place of its files on this disk. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { modelInfo } from "@huggingface/hub";
import { InstructCvError } from "../../errors.js";
import type { Variant } from "../weight-files.js";
import { type CachedSnapshot, cachedSnapshot, modelCache, writeRef } from "./cache.js";
import { openHub } from "./http.js";
import { HubUnreachable } from "./http-errors.js";
import { isCommit, type ModelName, parseModelName } from "./model-name.js";
import { defaultPatience, type Patience } from "./patience.js";
import { hubSettings } from "./settings.js";
import { type DownloadProgress, downloadSnapshot, listCheckpoint, type SnapshotOptions } from "./snapshot.js";

export interface ResolveOptions {
  /** A branch, tag or commit of a model on the hub; also `owner/name@revision`. @default "main" */
  readonly revision?: string;
  /** "fp16" for half-precision weights where the model has them. */
  readonly variant?: Variant;
  /** Folder of the cache. @default as HF_HUB_CACHE, HF_HOME and XDG_CACHE_HOME say, else ~/.cache/huggingface/hub */
  readonly cache?: string;
  /** @default HF_TOKEN, else the token of `hf auth login` */
  readonly token?: string;
  /** @default HF_ENDPOINT, else the public hub */
  readonly endpoint?: string;
  /** Use the cache only. @default as HF_HUB_OFFLINE says */
  readonly offline?: boolean;
  readonly patience?: Patience;
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Told, in a sentence, when the hub could not be asked and the cache is used. */
  readonly onNote?: (note: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * An existing path is returned, absolute. `owner/name` and `owner/name@revision` are looked up on the hub and what is
 * missing is fetched into the cache shared with Python's huggingface_hub; returns the absolute snapshot folder. A pinned
 * commit that is in the cache needs no network. Throws InstructCvError("checkpoint" | "usage"), or AbortError.
 *
 * @example
 * const folder = await resolveModel("timbrooks/instruct-pix2pix", { variant: "fp16" });
 * const checkpoint = await readCheckpoint(folder, { variant: "fp16" });
 */
export async function resolveModel(nameOrPath: string, options: ResolveOptions = {}): Promise<string> {
  if (await exists(nameOrPath)) return resolve(nameOrPath);
  const model = parseModelName(nameOrPath, options.revision);
  if (model === null)
    throw new InstructCvError(
      "checkpoint",
      `${resolve(nameOrPath)}: does not exist.`,
      "Give a folder in diffusers layout, a .safetensors file, or the name of a model on the hub, owner/name.",
    );
  const settings = await hubSettings(options);
  const cache = modelCache(settings.cache, model.repo);
  const { variant, signal, onProgress, onNote } = options;
  const cached = await cachedSnapshot(cache, model, variant);
  if (cached && (settings.offline || (isCommit(model.revision) && cached.preferred))) return cached.folder;
  if (settings.offline) throw offlineMiss(model, cache.folder);

  const patience = options.patience ?? defaultPatience;
  const hub = openHub({ ...settings, model, patience, signal });
  try {
    // With something to fall back on, a network that is down should not be waited for.
    const remote = { repo: model.repo, endpoint: settings.endpoint, fetch: cached ? hub.fetchOnce : hub.fetch };
    const wanted = await ask(model, remote, cached, variant).catch((error: unknown) => {
      if (!cached || !(error instanceof HubUnreachable)) throw error;
      onNote?.(`${error.problem} Using the copy in the cache, of commit ${cached.commit}.`);
      return null;
    });
    if (wanted === null) return cached!.folder;
    const { commit, files } = wanted;
    const { symlinks } = settings;
    const download = { ...remote, fetch: hub.fetch, commit, cache, symlinks, patience, signal, onProgress };
    const folder = await downloadSnapshot(files, download);
    // Last, so that a download that is given up leaves the name with the commit that is complete.
    await writeRef(cache, model.revision, commit);
    return folder;
  } finally {
    await hub.close();
  }
}

type Remote = Omit<SnapshotOptions, "commit">;

/** What to fetch of which commit; null when the cached snapshot is that. */
async function ask(model: ModelName, remote: Remote, cached: CachedSnapshot | null, variant: Variant | undefined) {
  const commit = await currentCommit(model, remote);
  if (cached?.preferred && cached.commit === commit) return null;
  return { commit, files: await listCheckpoint({ ...remote, commit }, variant) };
}

async function currentCommit({ repo, revision }: ModelName, { endpoint, fetch }: Remote): Promise<string> {
  if (isCommit(revision)) return revision;
  const { sha } = await modelInfo({ name: repo, revision, additionalFields: ["sha"], hubUrl: endpoint, fetch });
  if (!isCommit(String(sha)))
    throw new InstructCvError("checkpoint", `${repo}: ${endpoint} gives the commit ${sha}.`, "Check HF_ENDPOINT.");
  return sha;
}

function offlineMiss({ repo, revision }: ModelName, folder: string): InstructCvError {
  const pin = revision === "main" ? "" : ` --revision ${revision}`;
  return new InstructCvError(
    "checkpoint",
    `${repo}: revision ${revision} is not complete in ${folder}, and the hub may not be asked (HF_HUB_OFFLINE).`,
    `Fetch it once with the network: HF_HUB_OFFLINE=0 instructcv download ${repo}${pin}`,
  );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
