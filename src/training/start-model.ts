/** The model that a run starts from, wherever it lies: on this disk or on the hub. */
import { basename, resolve } from "node:path";
import type { CheckpointFolder } from "../checkpoints/checkpoint.js";
import { readCheckpoint } from "../checkpoints/folder.js";
import { parseModelName } from "../checkpoints/hub/model-name.js";
import { type ResolveOptions, resolveModel } from "../checkpoints/hub/resolve.js";

export type FetchOptions = Pick<ResolveOptions, "onProgress" | "onNote" | "signal">;

/** Of a recipe, what matters here. */
interface Started {
  readonly model: { readonly init: string | null };
}

/**
 * Opens what `model.init` names: a path that exists, else `owner/name` or `owner/name@revision` on the hub, through the cache and by the
 * environment variables of `instructcv download`. Throws InstructCvError("checkpoint" | "usage"), or AbortError.
 */
export async function openStart(init: string, options: FetchOptions = {}): Promise<CheckpointFolder> {
  return readCheckpoint(await resolveModel(init, options));
}

/**
 * Fetches the model that a recipe starts from, if it is on the hub. `model.init` of the result is `owner/name@commit`: another process, or
 * a run from the saved recipe, gets the same weights, and without a network those in the cache. A recipe that starts from a path or from
 * nothing comes back as it is. Throws as `openStart` does.
 */
export async function pinStart<C extends Started>(config: C, options: FetchOptions = {}): Promise<C> {
  const { init } = config.model;
  if (init === null) return config;
  const folder = await resolveModel(init, options);
  const name = parseModelName(init);
  if (name === null || folder === resolve(init)) return config;
  return { ...config, model: { ...config.model, init: `${name.repo}@${basename(folder)}` } };
}
