/** Reads the files of a diffusers `tokenizer/` folder. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InstructCvError } from "../errors.js";

export interface ClipTokenizerOptions {
  /** Token to id. */
  vocab: Readonly<Record<string, number>>;
  /** Pairs to join, most important first. */
  merges: readonly (readonly [string, string])[];
  /** Length of every encoded text, start and end markers included. @default 77 */
  maxLength?: number;
  /** What fills the rest; SD 2.x uses "!". @default "<|endoftext|>" */
  padToken?: string;
}

/** @throws InstructCvError("checkpoint") naming the file that is missing or malformed. */
export async function readTokenizerFiles(folder: string): Promise<ClipTokenizerOptions> {
  const config = await readJson(join(folder, "tokenizer_config.json"));
  const settings = { maxLength: lengthIn(config), padToken: tokenIn(config?.pad_token) };
  const vocabPath = join(folder, "vocab.json");
  const vocab = await readJson(vocabPath);
  if (vocab) {
    const mergesPath = join(folder, "merges.txt");
    const merges = await readText(mergesPath);
    if (merges === undefined) throw new InstructCvError("checkpoint", `${mergesPath} is missing beside vocab.json.`);
    return { vocab: checkVocab(vocabPath, vocab), merges: parseMerges(mergesPath, merges), ...settings };
  }
  const wholePath = join(folder, "tokenizer.json");
  const whole = await readJson(wholePath);
  if (!whole) throw new InstructCvError("checkpoint", `${folder} has neither vocab.json nor tokenizer.json.`);
  const model = asRecord(whole.model);
  if (!model || !Array.isArray(model.merges)) {
    throw new InstructCvError("checkpoint", `${wholePath} has no byte-pair model with merges.`);
  }
  const lines = model.merges.map((merge: unknown) => (Array.isArray(merge) ? merge.join(" ") : String(merge)));
  const merges = parseMerges(wholePath, lines.join("\n"));
  return { vocab: checkVocab(wholePath, asRecord(model.vocab) ?? {}), merges, ...settings };
}

/** One pair a line, after an optional first line `#version: ...`. */
export function parseMerges(path: string, text: string): [string, string][] {
  const lines = text.split(/\r?\n/);
  if (lines[0]?.startsWith("#version")) lines.shift();
  return lines.flatMap((line, i): [string, string][] => {
    if (line === "") return [];
    const parts = line.split(" ");
    if (parts.length !== 2) {
      throw new InstructCvError(
        "checkpoint",
        `${path}: merge ${i + 1} must be two tokens, found ${JSON.stringify(line)}.`,
      );
    }
    return [parts as [string, string]];
  });
}

function checkVocab(path: string, vocab: Record<string, unknown>): Record<string, number> {
  const wrong = Object.entries(vocab).find(([, id]) => !Number.isInteger(id) || (id as number) < 0);
  if (wrong) {
    throw new InstructCvError("checkpoint", `${path}: token ${JSON.stringify(wrong[0])} must have an integer id.`);
  }
  return vocab as Record<string, number>;
}

/** transformers writes 1e30 for "no limit": then CLIP's 77 holds. */
function lengthIn(config: Record<string, unknown> | undefined): number | undefined {
  const length = config?.model_max_length;
  return typeof length === "number" && Number.isInteger(length) && length >= 2 && length <= 100_000
    ? length
    : undefined;
}

/** A special token is written as text or as {"content": text}. */
function tokenIn(value: unknown): string | undefined {
  const content = typeof value === "string" ? value : asRecord(value)?.content;
  return typeof content === "string" ? content : undefined;
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

async function readJson(path: string): Promise<Record<string, unknown> | undefined> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  try {
    const record = asRecord(JSON.parse(text));
    if (record) return record;
  } catch {
    // falls through to the same message: not JSON or not an object
  }
  throw new InstructCvError("checkpoint", `${path} is not a JSON object.`);
}

/** undefined when there is no such file. */
async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new InstructCvError("checkpoint", `${path} cannot be read: ${(error as Error).message}.`);
  }
}
