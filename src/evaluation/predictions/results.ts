/** Result files: boxes in COCO's layout, and yes/no answers; entries that cannot be used are counted, not scored. */
import { readFile } from "node:fs/promises";
import { COCO_CLASSES } from "../../datasets/coco-names.js";
import { InstructCvError } from "../../errors.js";
import { keyOf, keysOf } from "./photo-key.js";

export type Entry = Readonly<Record<string, unknown>>;

/** COCO's ids go to 90 and leave these out. */
const UNUSED_COCO_IDS = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83];
const COCO_IDS = Array.from({ length: 90 }, (_, i) => i + 1).filter((id) => !UNUSED_COCO_IDS.includes(id));

/** The entries of one file by photo, and what was odd about them. */
export class Results {
  readonly #byPhoto = new Map<string, (Entry & { readonly name: string })[]>();
  readonly #askedPhotos = new Set<string>();
  readonly #askedCategories = new Set<string>();
  #duplicates = 0;

  private constructor(readonly path: string) {}

  /**
   * @param categories names by `category_id`, for files that do not name them
   * @returns undefined when there is no such file
   * @throws {InstructCvError} "prediction" when it is no list of entries, or an entry names no image or category
   */
  static async read(path: string, categories: ReadonlyMap<number, string>): Promise<Results | undefined> {
    const entries = await readJson(path);
    if (entries === undefined) return undefined;
    const wrong = (expected: string, found: unknown) =>
      new InstructCvError(
        "prediction",
        `${path}: expected ${expected}, found ${JSON.stringify(found)?.slice(0, 120)}.`,
      );
    if (!Array.isArray(entries)) throw wrong("a list of results", entries);
    const results = new Results(path);
    const ids = new Set<unknown>();
    for (const entry of entries as Entry[]) {
      const key = keyOf(entry?.image_id);
      const name = entry?.category ?? categories.get(entry?.category_id as number);
      if (key === undefined) throw wrong("an image_id in every entry", entry);
      if (typeof name !== "string") throw wrong("a category, or a category_id that categories.json names,", entry);
      if (entry.id !== undefined && ids.has(entry.id)) {
        results.#duplicates++;
        continue;
      }
      ids.add(entry.id);
      const own = results.#byPhoto.get(key) ?? [];
      results.#byPhoto.set(key, own);
      own.push({ ...entry, name });
    }
    return results;
  }

  /** Entries about a category of a photo; `known`: whether the file has any entry about the photo. */
  about(name: string, category: string): { readonly entries: readonly Entry[]; readonly known: boolean } {
    this.#askedCategories.add(category);
    const key = keysOf(name).find((one) => this.#byPhoto.has(one));
    if (key === undefined) return { entries: [], known: false };
    this.#askedPhotos.add(key);
    return { entries: this.#byPhoto.get(key)!.filter((entry) => entry.name === category), known: true };
  }

  /** What in the file nobody asked about. */
  notes(): string[] {
    const strangers = [...this.#byPhoto.keys()].filter((key) => !this.#askedPhotos.has(key));
    const others = new Map<string, number>();
    for (const { name } of [...this.#byPhoto.values()].flat())
      if (!this.#askedCategories.has(name)) others.set(name, (others.get(name) ?? 0) + 1);
    const entries = [...others.values()].reduce((sum, count) => sum + count, 0);
    return [
      ...(this.#duplicates === 0
        ? []
        : [`${this.path}: ${this.#duplicates} entries have the id of one before: left out.`]),
      ...(strangers.length === 0
        ? []
        : [`${this.path}: ${strangers.length} images were not asked about, the first ${strangers[0]}: left out.`]),
      ...(entries === 0
        ? []
        : [
            `${this.path}: ${entries} entries of ${others.size} categories that were not asked for, the first "${[...others.keys()][0]}": left out.`,
          ]),
    ];
  }
}

/** `categories.json` as in COCO's annotations: `[{"id": 1, "name": "person"}]`; COCO's own ids unless there is one. */
export async function readCategories(path: string): Promise<ReadonlyMap<number, string>> {
  const list = await readJson(path);
  if (list === undefined) return new Map(COCO_IDS.map((id, i) => [id, COCO_CLASSES[i]!]));
  const known = new Map<number, string>();
  for (const entry of Array.isArray(list) ? (list as Entry[]) : [{}]) {
    const { id, name } = entry as Entry;
    if (!Number.isInteger(id) || typeof name !== "string" || known.has(id as number))
      throw new InstructCvError(
        "prediction",
        `${path}: expected a list of {"id", "name"}, each id once, found ${JSON.stringify(entry)}.`,
      );
    known.set(id as number, name);
  }
  return known;
}

/** Undefined when there is no such file. */
export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InstructCvError(
      "prediction",
      `${path}: no JSON: ${(error as Error).message}.`,
      /\bNaN\b|\bInfinity\b/.test(text) ? "It has NaN or Infinity, which are no numbers in JSON." : undefined,
    );
  }
}
