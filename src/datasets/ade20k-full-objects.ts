/** What the JSON of a photo of the full ADE20K says: its size, the objects by class code, and names it leaves open. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import type { Size } from "../image/picture.js";
import { ADE20K_CLASSES } from "./ade20k-classes.js";
import { pooledName } from "./coco-names.js";

/** The files were written by MATLAB, whose JSON has no list of one: such a list is the element itself, and none is `[]`. */
const listOf = <T extends z.ZodType>(element: T) =>
  z.union([z.array(element), element.transform((one) => [one])]) as z.ZodType<z.output<T>[]>;

const annotationSchema = z.object({
  annotation: z.object({
    imsize: z.tuple([z.number().int().positive(), z.number().int().positive()]).rest(z.number()),
    object: listOf(
      z.object({
        name: z.string(),
        name_ndx: z.number().int().positive(),
        hypernym: listOf(z.string()).optional(),
        parts: z.object({ part_level: z.number().int() }),
      }),
    ),
  }),
});

/** A part that has another name than the benchmark's class for the same thing. */
const PART_OF_CLASS: Readonly<Record<string, string>> = { window: "windowpane" };

export interface AdeObjects extends Size {
  /** The class code of each name in `names`, as the red and green channels of `_seg.png` spell it. */
  readonly codes: readonly number[];
  /** Whole objects (part level 0) by the first synonym, in COCO's spelling; two codes may have one name. */
  readonly names: readonly string[];
  /** Of the 150 benchmark classes, those that are neither named nor certainly absent: shown as a part, or by a narrower name. */
  readonly open: readonly string[];
  /** Whole objects in all. */
  readonly count: number;
}

/** @throws {InstructCvError} "dataset" when the file is missing, no JSON or has not ADE20K's fields. */
export async function readAdeObjects(path: string): Promise<AdeObjects> {
  const { imsize, object } = parse(await readText(path), path);
  const [height, width] = imsize;
  const classes = new Map<number, string>();
  const hinted = new Set<string>();
  let count = 0;
  for (const { name, name_ndx: code, hypernym = [], parts } of object) {
    if (parts.part_level === 0) {
      classes.set(code, pooledName(name));
      count++;
    } else hinted.add(PART_OF_CLASS[pooledName(name)] ?? pooledName(name));
    for (const wider of hypernym) hinted.add(pooledName(wider));
  }
  const names = [...classes.values()];
  const open = ADE20K_CLASSES.filter((name) => hinted.has(name) && !names.includes(name));
  return { width, height, codes: [...classes.keys()], names, open, count };
}

function parse(text: string, path: string): z.output<typeof annotationSchema>["annotation"] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InstructCvError("dataset", `${path}: is no JSON (${(error as Error).message}).`, "Download it again.");
  }
  const result = annotationSchema.safeParse(json);
  if (result.success) return result.data.annotation;
  const issue = result.error.issues[0];
  throw new InstructCvError("dataset", `${path}: ${issue?.path.join(".")}: ${issue?.message}.`);
}

/** Some files are UTF-8, some Latin-1 (a name with an accent tells): every byte sequence is text in the latter. */
async function readText(path: string): Promise<string> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new InstructCvError(
      "dataset",
      `${path}: cannot be read (${error.code}).`,
      "Check that the dataset is complete.",
    );
  });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return bytes.toString("latin1");
  }
}
