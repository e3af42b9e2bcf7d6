/** What the Hugging Face environment variables say, read as Python's huggingface_hub reads them. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { HUB_URL } from "@huggingface/hub";

export interface HubSettings {
  /** Absolute folder of `models--owner--name` folders. */
  readonly cache: string;
  /** Origin of the hub, without a slash at the end. */
  readonly endpoint: string;
  readonly token: string | null;
  readonly offline: boolean;
  /** Whether snapshots may link to blobs instead of holding the files. */
  readonly symlinks: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The cache: HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, else `hub` in HF_HOME, else in `huggingface` of XDG_CACHE_HOME or ~/.cache.
 * The token: HF_TOKEN, HUGGING_FACE_HUB_TOKEN, else the file HF_TOKEN_PATH or `token` in HF_HOME; what is given goes first.
 * @see https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
 */
export async function hubSettings(
  given: Partial<Pick<HubSettings, "cache" | "endpoint" | "token" | "offline">>,
  env: Environment = process.env,
): Promise<HubSettings> {
  const path = (text: string) => resolve(expand(text, env));
  const home = path(env.HF_HOME || join(env.XDG_CACHE_HOME || join("~", ".cache"), "huggingface"));
  const cache = path(given.cache || env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(home, "hub"));
  const tokenPath = path(env.HF_TOKEN_PATH || join(home, "token"));
  const implicit = isTrue(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)
    ? undefined
    : env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN || (await readFile(tokenPath, "utf8").catch(() => undefined));
  return {
    cache,
    endpoint: (given.endpoint || env.HF_ENDPOINT || HUB_URL).replace(/\/+$/, ""),
    token: (given.token ?? implicit)?.trim() || null,
    offline: given.offline ?? isTrue(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE),
    symlinks: !isTrue(env.HF_HUB_DISABLE_SYMLINKS),
  };
}

function isTrue(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes(value?.toUpperCase() ?? "");
}

/** `~` and `$NAME`, `${NAME}` as a shell has them; an unknown name stays as it is. */
function expand(text: string, env: Environment): string {
  const named = text.replace(/\$(?:(\w+)|\{(\w+)\})/g, (whole, a?: string, b?: string) => env[a ?? b ?? ""] ?? whole);
  return named.replace(/^~(?=$|[/\\])/, homedir());
}
