/** Reads settings from YAML files that may start from one another. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { InstructCvError } from "./errors.js";

/** More files in a row than anyone needs: a circle. */
const longestChain = 8;

export interface YamlOptions {
  /** What to do when the file is not there. */
  readonly cure: string;
  /** Top-level mappings that are replaced whole instead of key by key. */
  readonly whole?: readonly string[];
}

/**
 * The value of a YAML file; `extends: other.yaml` starts from another one beside it and replaces single keys.
 * @throws {InstructCvError} "config" for a missing file or one that is no YAML.
 */
export async function readYaml(path: string, { cure, whole = [] }: YamlOptions): Promise<unknown> {
  return readChain(path, cure, new Set(whole), longestChain);
}

async function readChain(path: string, cure: string, whole: ReadonlySet<string>, left: number): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    throw new InstructCvError("config", `${path}: no such file.`, cure);
  }
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new InstructCvError("config", `${path}: not YAML: ${(error as Error).message.split("\n")[0]}`);
  }
  if (!isMapping(value) || typeof value.extends !== "string") return value;
  if (left === 0) throw new InstructCvError("config", `${path}: extends itself by a circle of recipes.`);
  const { extends: base, ...changes } = value;
  return merge(await readChain(join(dirname(path), base as string), cure, whole, left - 1), changes, whole);
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Mappings key by key; anything else is replaced. */
function merge(base: unknown, changes: unknown, whole: ReadonlySet<string>): unknown {
  if (!isMapping(base) || !isMapping(changes)) return changes;
  const merged = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    merged[key] = whole.has(key) ? value : merge(base[key], value, whole);
  }
  return merged;
}
