/**
 * An encoded corpus on disk: `plan.json` when it is begun, shards of views and of sentences each with a note beside it, and at the end
 * `index.safetensors` and `manifest.json`. A shard without its note is not whole.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../../errors.js";

const count = z.int().min(0);
const size = z.int().min(1);
const sha256 = z.string().length(64);

const planFields = {
  format: z.literal("instructcv-encoded/1"),
  /** The program that made it, and how: for people. */
  version: z.string(),
  computed: z.object({ dtype: z.string(), device: z.string(), batch: size }),
  /** settingsOf the recipe. */
  settings: z.record(z.string(), z.unknown()),
  /** SHA-256 of what the recipe names: the corpus' manifest, the tokenizer, and the weights as float32 numbers. */
  digests: z.object({ corpus: sha256, tokenizer: sha256, vae: sha256, text_encoder: sha256 }),
  records: size,
  /** Of each record. */
  views: size,
  dtype: z.enum(["F32", "F16"]),
  /** Whether the targets' log variances are there, which loss.target_latents: sample needs. */
  logvar: z.boolean(),
  /** Z, h, w */
  latents: z.tuple([size, size, size]),
  /** L, D */
  states: z.tuple([size, size]),
  /** Rows in each shard but the last. */
  shard_rows: z.object({ views: size, text: size }),
};
export const planSchema = z.object(planFields);
export type Plan = z.infer<typeof planSchema>;

const fileSchema = z.object({ file: z.string(), bytes: size, sha256 });
export const manifestSchema = z.object({ ...planFields, sentences: size, files: z.array(fileSchema) });
/** `files` are all others, in the order in which they are written. */
export type EncodedManifest = z.infer<typeof manifestSchema>;
export type EncodedFile = z.infer<typeof fileSchema>;

/** Beside a shard of views: what each row was made of. */
export const viewNoteSchema = z.object({
  bytes: size,
  sha256,
  rows: z.array(
    z.object({ record: z.string(), view: count, task: z.string(), slots: z.unknown(), sentence: z.string() }),
  ),
});
export type ViewNote = z.infer<typeof viewNoteSchema>;
/** Beside a shard of sentences. */
export const textNoteSchema = z.object({ bytes: size, sha256, rows: z.array(z.string()) });
export type TextNote = z.infer<typeof textNoteSchema>;

export type ShardKind = "views" | "text";
/** The one tensor of each kind of shard: [n, channels, h, w] (photo, mean, log variance if any, one of weights) and [n, L, D]. */
export const tensorOf = { views: "views", text: "states" } as const;
/** I32 [records * views]: the sentence of each view. */
export const indexFile = "index.safetensors";

export const shardName = (kind: ShardKind, i: number) => `${kind}-${String(i).padStart(6, "0")}.safetensors`;
export const noteName = (shard: string) => shard.replace(/\.safetensors$/, ".json");

/** Of a row of `views`. */
export const channelsOf = ({ latents, logvar }: Pick<Plan, "latents" | "logvar">) => (logvar ? 3 : 2) * latents[0] + 1;

/** Shape of one row. */
export const rowShape = (plan: Plan, kind: ShardKind): readonly number[] =>
  kind === "views" ? [channelsOf(plan), plan.latents[1], plan.latents[2]] : plan.states;

export const encodeAgain = "Run the `instructcv data encode` that made the folder again: it writes what is missing.";

/** Null for no such file. Throws InstructCvError("corpus") for one that is not what `schema` says. */
export async function readNote<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (text === null) return null;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    const why =
      error instanceof z.ZodError ? `${error.issues[0]?.path.join(".")}: ${error.issues[0]?.message}` : "no JSON";
    throw new InstructCvError(
      "corpus",
      `${path}: expected what \`instructcv data encode\` writes there, found ${why}.`,
      `Remove the file. ${encodeAgain}`,
    );
  }
}

/** @throws {InstructCvError} "corpus" when `dir` is no finished encoded corpus */
export async function readEncodedManifest(dir: string): Promise<EncodedManifest> {
  const manifest = await readNote(join(dir, "manifest.json"), manifestSchema);
  if (manifest) return manifest;
  if (await readNote(join(dir, "plan.json"), planSchema))
    throw new InstructCvError("corpus", `${dir}: the encoding is not finished (it has no manifest.json).`, encodeAgain);
  throw new InstructCvError(
    "corpus",
    `${dir}: expected an encoded corpus, found no manifest.json.`,
    "Make one with `instructcv data encode <recipe> --out <dir>`.",
  );
}

/** Whether `dir` is one that an encoding finished or began. */
export async function isEncodedFolder(dir: string): Promise<boolean> {
  return (await stat(join(dir, "plan.json")).catch(() => null)) !== null;
}
