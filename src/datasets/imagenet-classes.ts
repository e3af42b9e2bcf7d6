/** The names of ImageNet's class folders, from the two kinds of file in which they are handed around. */
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { pooledName } from "./coco-names.js";
import { readDatasetText } from "./files.js";

const WNID = /^n\d{8}$/;
const jsonSchema = z.record(z.string(), z.union([z.string(), z.tuple([z.string(), z.string()])]));

/**
 * Category by WordNet id, ascending: the first synonym in COCO's spelling, underscores read as spaces. Two classes may have one name
 * (crane the bird and crane the machine) and are then one category.
 *
 * The file is text with lines `n01440764 tench, Tinca tinca` (`LOC_synset_mapping.txt`), or JSON `{"n01440764": "tench"}` or
 * `{"0": ["n01440764", "tench"]}` (`imagenet_class_index.json`).
 * @throws {InstructCvError} "dataset" naming the first line or key that is neither, or that comes twice
 */
export async function readImageNetClasses(path: string): Promise<ReadonlyMap<string, string>> {
  const text = await readDatasetText(path);
  const pairs = text.trimStart().startsWith("{") ? pairsOfJson(text, path) : pairsOfLines(text);
  const classes = new Map<string, string>();
  for (const [wnid, synonyms] of pairs) {
    if (!WNID.test(wnid) || !synonyms) {
      throw new InstructCvError(
        "dataset",
        `${path}: expected a WordNet id and names such as "n01440764 tench, Tinca tinca", found "${wnid} ${synonyms}".`,
      );
    }
    if (classes.has(wnid)) throw new InstructCvError("dataset", `${path}: names the class ${wnid} twice.`);
    classes.set(wnid, pooledName(synonyms.replaceAll("_", " ")));
  }
  if (classes.size === 0) throw new InstructCvError("dataset", `${path}: expected names of classes, found none.`);
  return new Map([...classes].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function pairsOfLines(text: string): [string, string][] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const [, wnid = "", synonyms = ""] = line.match(/^(\S+)\s*(.*)$/) ?? [];
    return [wnid, synonyms.trim()];
  });
}

function pairsOfJson(text: string, path: string): [string, string][] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InstructCvError("dataset", `${path}: is no JSON (${(error as Error).message}).`);
  }
  const result = jsonSchema.safeParse(json);
  if (result.success) {
    return Object.entries(result.data).map(([key, value]) => (typeof value === "string" ? [key, value] : value));
  }
  const issue = result.error.issues[0];
  throw new InstructCvError("dataset", `${path}: ${issue?.path.join(".")}: ${issue?.message}.`);
}
