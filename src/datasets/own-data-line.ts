/** One line of a manifest of one's own data: an image, a task, a category and the answer, as a strict schema. */
import { posix, win32 } from "node:path";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { palette } from "../tasks/colours.js";

/** Relative to the manifest's folder and inside it; the same file is written in one way only. */
const path = z
  .string({ error: "expected a path" })
  .refine((text) => text !== "" && !text.includes("\\") && !posix.isAbsolute(text) && !win32.isAbsolute(text), {
    error: "expected a path relative to the manifest's folder, with forward slashes",
    abort: true,
  })
  .transform((text) => posix.normalize(text))
  .refine((text) => text !== ".." && !text.startsWith("../"), {
    error: "expected a path that stays inside the manifest's folder",
  });

const words = (what: string) =>
  z
    .string({ error: `expected ${what}` })
    .trim()
    .regex(/^\P{Cc}+$/u, `expected ${what}`);
/** Lower-case, as in every dataset. */
const category = words("the name of a category").toLowerCase();

const number = z.number({ error: "expected a number" });
const maskForms =
  'expected the path of a mask PNG, run lengths {"size": [height, width], "counts"}, polygons [[x, y, x, y, x, y, ...], ...] or null (not in the photo)';
const runLengths = z.strictObject({
  size: z.tuple([z.int().min(1), z.int().min(1)]),
  counts: z.union([z.string(), z.array(z.int().min(0))]),
});
const polygons = z.custom<number[][]>(isPolygons, { error: maskForms });
const mask = z.union([path, runLengths, polygons, z.null()], { error: maskForms });
const box = z
  .tuple([number, number, number, number], { error: "expected a box [x1, y1, x2, y2] of numbers" })
  .refine(([x1, y1, x2, y2]) => 0 <= x1 && x1 < x2 && 0 <= y1 && y1 < y2, {
    error: "expected a box with 0 <= x1 < x2 and 0 <= y1 < y2",
  });
const boxes = z.array(box, { error: "expected boxes [[x1, y1, x2, y2], ...], empty when none is in the photo" });
const depthMap = z.union([path, z.strictObject({ path, metres_per_level: number.positive() })], {
  error: 'expected the path of a depth PNG or {"path", "metres_per_level"}',
});
const colour = z.enum(
  palette.map(({ name }) => name),
  { error: `expected one of the colours ${palette.map(({ name }) => name).join(", ")}` },
);

const common = {
  image: path,
  /** The answer as the task draws it, instead of a label. */
  target: path.optional(),
  /** The sentence as it stands, instead of one from the bank. */
  instruction: words("a sentence").optional(),
  /** What the photo is called in the corpus; its path unless given. The same in all lines of an image. */
  id: words("a name").optional(),
};

const schema = z
  .discriminatedUnion(
    "task",
    [
      z.strictObject({ ...common, task: z.literal("segmentation"), category, label: mask.optional() }),
      z.strictObject({ ...common, task: z.literal("detection"), category, label: boxes.optional() }),
      z.strictObject({ ...common, task: z.literal("depth"), label: depthMap.optional() }),
      z.strictObject({
        ...common,
        task: z.literal("classification"),
        category,
        label: z.boolean({ error: "expected true or false" }).optional(),
        /** Colours of "it is there" and "it is not", where the sentence names others than green and red. */
        positive: colour.optional(),
        negative: colour.optional(),
      }),
    ],
    {
      error: ({ code }) =>
        code === "invalid_union"
          ? "expected segmentation, detection, depth or classification"
          : "expected a JSON object",
    },
  )
  .superRefine((line, context) => {
    const fail = (message: string) => context.addIssue({ code: "custom", path: [], message });
    if (line.label === undefined && line.target === undefined) fail('expected "label" or "target", found neither');
    if (line.label !== undefined && line.target !== undefined) fail('expected "label" or "target", found both');
    if (line.task !== "classification") return;
    const { positive, negative } = line;
    if ((positive === undefined) !== (negative === undefined) || (positive !== undefined && positive === negative)) {
      fail('expected two different colours "positive" and "negative", or neither');
    }
  });

function isPolygons(value: unknown): boolean {
  const isPolygon = (xy: unknown) =>
    Array.isArray(xy) && xy.length >= 6 && xy.length % 2 === 0 && xy.every((v) => Number.isFinite(v));
  return Array.isArray(value) && value.every(isPolygon);
}

export type OwnLine = z.output<typeof schema>;
export type OwnLineOf<T extends OwnLine["task"]> = Extract<OwnLine, { task: T }>;

/**
 * Checks a line.
 * @throws {InstructCvError} "dataset" with the first thing that is wrong, what was expected and what was found
 */
export function parseOwnLine(text: string): OwnLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InstructCvError("dataset", `expected one JSON object on the line, found ${shorten(text.trim())}.`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const name = issue.path.length > 0 ? `"${issue.path.join(".")}": ` : "";
  if (issue.code === "unrecognized_keys") {
    throw new InstructCvError(
      "dataset",
      `${name}expected no key but those of the format, found "${issue.keys[0]}".`,
      "See examples/own-data/README.md.",
    );
  }
  const found = issue.message.includes("found") ? "" : `, found ${shorten(JSON.stringify(at(value, issue.path)))}`;
  throw new InstructCvError("dataset", `${name}${issue.message}${found}.`);
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function shorten(text: string | undefined): string {
  if (text === undefined) return "nothing";
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
