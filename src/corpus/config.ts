/** What a corpus is built from and how: one zod schema over a YAML file; unknown keys are errors, the manifest keeps the resolved one. */
import { z } from "zod";
import { readerNames } from "../datasets/registry.js";
import { InstructCvError } from "../errors.js";
import { taskNames } from "../tasks/registry.js";
import type { TaskName } from "../tasks/task.js";
import { readYaml } from "../yaml.js";

const share = z.number().min(0).max(1);
const task = z.enum(taskNames as [TaskName, ...TaskName[]]);

const datasetSchema = z.strictObject({
  /** What photo ids begin with. */
  name: z.string().regex(/^[\w.-]+$/, "letters, digits, dots and dashes only"),
  reader: z.enum(readerNames),
  /** Relative to `data`. */
  folder: z.string().min(1),
  /** The set's own name of the split to train on. */
  split: z.string().min(1),
  /** Only these; all that the set has labels for unless given. */
  tasks: z
    .array(task)
    .min(1)
    .default([...taskNames]),
  /** Options of the reader. */
  options: z.record(z.string(), z.unknown()).default({}),
  /** Only so many photos, the first of a seeded shuffle. */
  limit: z.int().min(1).nullable().default(null),
});

export const corpusConfigSchema = z
  .strictObject({
    name: z.string().regex(/^[\w-]+$/, "letters, digits and dashes only"),
    /** Side of the square pictures, pixels. */
    size: z.int().min(16).max(1024).default(128),
    /** Decides samples, wordings, colours and order. */
    seed: z.int().min(0).max(0xffffffff).default(0),
    /** Folder that holds the datasets, relative to the working directory. */
    data: z.string().min(1),
    datasets: z.array(datasetSchema).min(1),
    /** Share of the photos that go to the split `val`, by a hash of the photo's id, so that they stay there in every corpus. */
    val_share: share.max(0.9).default(0.03),
    instructions: z
      .strictObject({
        /** FP: the paper's fixed prompts only; RP: rephrased ones, a fresh paraphrase for each sample. */
        mode: z.enum(["fp", "rp"]).default("rp"),
        /** RP: share of template wordings. */
        template_share: share.default(0.3),
        /** RP: a bank of paraphrases written by `instructcv data rephrase`; the shipped one unless given. */
        bank: z.string().nullable().default(null),
      })
      .prefault({}),
    sampling: z
      .strictObject({
        /** A category smaller than this share of the photo is not asked about at all: too small to see. */
        min_area: share.default(0.005),
        /** A category with a box narrower than this many corpus pixels is not asked for its boxes: outlines would fill it. */
        min_box_side: z.number().min(0).default(6),
        /** ... nor one with more boxes than this: outlines would cover one another. */
        max_boxes: z.int().min(1).default(8),
        /** At most this many present categories a photo and task, drawn at random. */
        max_per_task: z.int().min(1).default(4),
        /** Categories never asked for, present or absent: held out, to be asked for in evaluation. */
        without: z.array(z.string().min(1)).default([]),
        /** Absent categories asked for each present one. */
        negatives: z
          .strictObject({
            segmentation: z.number().min(0).max(10).default(0.2),
            detection: z.number().min(0).max(10).default(0.2),
            classification: z.number().min(0).max(10).default(1),
          })
          .prefault({}),
      })
      .prefault({}),
    /** Width of box outlines as a share of each box's shorter side; null for the paper's 4 pixels (a third of a small box at most). */
    box_outline: z.number().gt(0).max(0.5).nullable().default(null),
    jpeg_quality: z.int().min(1).max(100).default(92),
    shards: z
      .strictObject({
        /** A shard is made of so many photos ... */
        photos: z.int().min(1).max(100_000).default(256),
        /** ... and goes on in a second file where one would grow larger than this. */
        megabytes: z.number().gt(0).max(4096).default(256),
      })
      .prefault({}),
    /** Share of the photos that may be unusable; more end the build. */
    max_skipped: share.default(0.1),
  })
  .superRefine(({ datasets }, context) => {
    const names = datasets.map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) < i);
    if (twice) context.addIssue({ code: "custom", path: ["datasets"], message: `two datasets are named ${twice}` });
  });

export type CorpusConfig = z.output<typeof corpusConfigSchema>;
export type DatasetConfig = CorpusConfig["datasets"][number];

/** Checks a plain object; `source` names it in errors. @throws {InstructCvError} "config" with every problem in one line. */
export function parseCorpusConfig(value: unknown, source: string): CorpusConfig {
  const parsed = corpusConfigSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".") || "(top)"}: ${issue.message}`);
  throw new InstructCvError("config", `${source}: ${problems.join("; ")}.`, "Compare with configs/mini.yaml.");
}

/** Reads a YAML file; it may start from another with `extends`. @throws {InstructCvError} "config" as `parseCorpusConfig`. */
export async function readCorpusConfig(path: string): Promise<CorpusConfig> {
  return parseCorpusConfig(await readYaml(path, { cure: "Give a corpus file such as configs/mini.yaml." }), path);
}
