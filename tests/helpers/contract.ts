/** The JSON that `instructcv run --json` and `instructcv eval --json` promise, as schemas: later work relies on it. */
import { z } from "zod";

const share = z.number().min(0).max(1);
const common = { admissibility: share };

const results = {
  segmentation: z.strictObject({
    mask: z.strictObject({ size: z.tuple([z.int(), z.int()]), counts: z.string() }),
    area: z.int().min(0),
    score: share,
    ...common,
  }),
  detection: z.strictObject({
    boxes: z.array(
      z.strictObject({
        xyxy: z.tuple([z.number(), z.number(), z.number(), z.number()]),
        score: share,
        label: z.string(),
      }),
    ),
    ...common,
  }),
  depth: z.strictObject({ depth: z.string().endsWith(".png"), min_m: z.number(), max_m: z.number(), ...common }),
  classification: z.strictObject({ present: z.boolean(), probability: share, ...common }),
};

const facts = {
  image: z.string(),
  instruction: z.string(),
  model: z.string(),
  steps: z.int().min(1),
  seed: z.int().min(0),
  size: z.tuple([z.int().min(1), z.int().min(1)]),
  output: z.string().endsWith(".png"),
  overlay: z.string().endsWith(".png"),
  timings_ms: z.record(z.string(), z.number().min(0)),
};

/** One line of `run --json`. */
export const answerSchema = z.discriminatedUnion("task", [
  z.strictObject({ task: z.literal("segmentation"), category: z.string(), result: results.segmentation, ...facts }),
  z.strictObject({ task: z.literal("detection"), category: z.string(), result: results.detection, ...facts }),
  z.strictObject({ task: z.literal("depth"), category: z.null(), result: results.depth, ...facts }),
  z.strictObject({ task: z.literal("classification"), category: z.string(), result: results.classification, ...facts }),
]);
export type AnswerLine = z.infer<typeof answerSchema>;

/** All that `eval --json` prints. */
export const reportSchema = z.strictObject({
  suite: z.string(),
  model: z.string(),
  rows: z.array(
    z.strictObject({
      dataset: z.string(),
      task: z.string(),
      metric: z.string(),
      wording: z.enum(["template", "paraphrase", "unseen"]),
      value: z.number().nullable(),
      baseline: z.number().nullable(),
      n: z.int().min(0),
    }),
  ),
});

/** Every line of stdout as an answer; fails on anything else. */
export function parseAnswers(stdout: string): AnswerLine[] {
  if (stdout === "") return [];
  if (!stdout.endsWith("\n")) throw new Error("stdout does not end with a line end");
  return stdout
    .slice(0, -1)
    .split("\n")
    .map((line) => answerSchema.parse(JSON.parse(line)));
}
