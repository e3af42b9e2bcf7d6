/** What is wrong with one record: fields its task needs, and pictures that do not decode to the size of the corpus. */
import { z } from "zod";
import { readGrey16, readPicture } from "../../image/io.js";
import type { Size } from "../../image/picture.js";
import { taskNames } from "../../tasks/registry.js";
import type { CorpusEntry } from "../record.js";

const box = z.tuple([z.number(), z.number(), z.number(), z.number()]);
const rle = z.object({ size: z.tuple([z.int(), z.int()]), counts: z.string() });
const colour = z.object({ name: z.string(), rgb: z.tuple([z.number(), z.number(), z.number()]) });
const base = z.object({
  key: z.string().regex(/^[^./]+$/, "has a dot or a slash"),
  photo: z.string().min(1),
  dataset: z.string().min(1),
  size: z.tuple([z.int().min(1), z.int().min(1)]),
  slots: z.object({ category: z.string().min(1), positive: colour.optional(), negative: colour.optional() }),
  instruction: z.string().min(1),
  wording: z.enum(["template", "paraphrase", "unseen", "own"]),
  negative: z.boolean(),
});
const fields = {
  segmentation: base.extend({ mask: rle, ignore: rle.optional() }),
  detection: base.extend({ boxes: z.array(box) }),
  depth: base.extend({ slots: z.object({ category: z.null() }) }),
  classification: base.extend({ present: z.boolean() }),
};

/** One line each, without the record's name; `size` is the manifest's. `knownImage`: the photo has been looked at already. */
export async function recordProblems(entry: CorpusEntry, size: number, knownImage: boolean): Promise<string[]> {
  const { record, image, target, depth } = entry;
  if (!taskNames.includes(record.task)) return [`task: expected one of ${taskNames.join(", ")}, found ${record.task}`];
  const problems =
    fields[record.task].safeParse(record).error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ??
    [];
  for (const [name, mask] of [
    ["mask", record.mask],
    ["ignore", record.ignore],
  ] as const) {
    if (!mask || problems.length > 0) continue;
    const [height, width] = mask.size;
    if (width !== record.size[0] || height !== record.size[1])
      problems.push(`${name}: ${width}x${height}, but the photo is ${record.size.join("x")}`);
  }
  if (!knownImage) problems.push(...(await pictureProblems("image.jpg", () => readPicture(image), size)));
  problems.push(...(await pictureProblems("target.png", () => readPicture(target), size)));
  if (record.task !== "depth") return problems;
  if (!depth) return [...problems, "depth.png: missing"];
  return [...problems, ...(await pictureProblems("depth.png", () => readGrey16(depth), size))];
}

async function pictureProblems(name: string, read: () => Promise<Size>, size: number): Promise<string[]> {
  try {
    const { width, height } = await read();
    if (width === size && height === size) return [];
    return [`${name}: ${width}x${height}, expected ${size}x${size}`];
  } catch (error) {
    return [`${name}: ${(error as Error).message}`];
  }
}
