/** A folder of predictions that some system made, as who answers an evaluation's questions. */
import { join } from "node:path";
import { InstructCvError } from "../../errors.js";
import type { Answer, AnswerOf } from "../predictor.js";
import type { Query, Reply, Respondent } from "../respondent.js";
import { faultOf } from "./canonical.js";
import { maskOf } from "./instance-masks.js";
import { isThere, readDepth, readMask } from "./maps.js";
import { nameOf } from "./photo-key.js";
import { type Entry, Results, readCategories, readJson } from "./results.js";

const MILLIMETRES = 1000;

/**
 * Answers from `<folder>/<dataset>/...`; the layout is in docs/metrics.md. A question without a usable prediction has a fault and is not
 * scored; a photo without an entry in `detection.json` or `segmentation.json` counts as "nothing found", as COCO does, and is counted in the notes.
 * @param options.relativeDepth depth maps may be below 0: they are fitted to the truth before they count
 * @throws {InstructCvError} "prediction" when there is no such folder, or predictions.json cannot be used
 */
export async function openPredictions(
  folder: string,
  { relativeDepth = false }: { readonly relativeDepth?: boolean } = {},
): Promise<Respondent & { readonly name: string }> {
  if (!(await isThere(folder)))
    throw new InstructCvError("prediction", `${folder}: expected a folder of predictions, found nothing.`);
  const about = ((await readJson(join(folder, "predictions.json"))) ?? {}) as Entry;
  const { name = folder, depth_levels_per_metre: levels = MILLIMETRES } = about;
  if (typeof name !== "string" || !(typeof levels === "number" && levels > 0))
    throw new InstructCvError(
      "prediction",
      `${join(folder, "predictions.json")}: expected {"name": text, "depth_levels_per_metre": number above 0}.`,
    );
  const resultsOf = new Map<string, Results | undefined>();
  /** What cannot be read at all is said once, for good; what is wrong with one photo is that photo's fault. */
  async function openResults({ photo, question: { task } }: Query): Promise<void> {
    const home = join(folder, photo.dataset);
    const path = join(home, `${task}.json`);
    if (task === "depth" || resultsOf.has(path)) return;
    const results = await Results.read(path, await readCategories(join(home, "categories.json")));
    const others = results && task === "segmentation" ? ["masks", "probabilities", "labels"] : [];
    for (const other of others.map((kind) => join(home, kind)))
      if (await isThere(other))
        throw new InstructCvError("prediction", `Found both ${path} and ${other}: which one counts?`, "Move one away.");
    resultsOf.set(path, results);
  }
  const opened: Results[] = [];
  /** Photos that a file does not mention, by their ids. */
  const without = { detection: new Set<string>(), segmentation: new Set<string>() };

  async function answer({ photo, picture, question }: Query): Promise<Answer> {
    const home = join(folder, photo.dataset);
    const { task, category } = question;
    const photoName = nameOf(photo);
    if (task === "depth") return readDepth(home, photoName, levels as number, picture);
    const file = resultsOf.get(join(home, `${task}.json`));
    if (!file && task === "segmentation") return readMask(home, photoName, category!, picture);
    if (!file) throw new InstructCvError("prediction", `found no ${join(home, `${task}.json`)}`);
    if (!opened.includes(file)) opened.push(file);
    const { entries, known } = file.about(photoName, category!);
    if (task === "classification") return presence(entries);
    if (!known) without[task].add(photo.id);
    return task === "segmentation" ? maskOf(entries, picture) : { task, boxes: entries.map(boxOf) };
  }

  return {
    name,
    async respond(query): Promise<Reply> {
      await openResults(query);
      try {
        const found = await answer(query);
        const fault = faultOf(found, query.picture, relativeDepth);
        return fault === undefined ? { answer: found } : { fault };
      } catch (error) {
        if (error instanceof InstructCvError) return { fault: error.message.replace(/\.$/, "") };
        throw error;
      }
    },
    notes: () => [
      ...opened.flatMap((file) => file.notes()),
      ...Object.entries(without).flatMap(([task, photos]) => withoutEntry(`${task}.json`, [...photos])),
    ],
  };
}

/** COCO counts them as "nothing found". */
function withoutEntry(file: string, photos: readonly string[]): string[] {
  if (photos.length === 0) return [];
  return [`${photos.length} photos have no entry in ${file} (the first: ${photos[0]}): scored as nothing found.`];
}

function boxOf({ bbox, score }: Entry): { xyxy: readonly [number, number, number, number]; score: number } {
  const [x, y, width, height] = (Array.isArray(bbox) ? bbox : []).map((side) =>
    typeof side === "number" ? side : Number.NaN,
  );
  const [left = Number.NaN, top = Number.NaN] = [x, y];
  return {
    xyxy: [left, top, left + (width ?? Number.NaN), top + (height ?? Number.NaN)],
    score: typeof score === "number" ? score : Number.NaN,
  };
}

function presence(entries: readonly Entry[]): AnswerOf<"classification"> {
  const [entry] = entries;
  if (entries.length !== 1 || !entry)
    throw new InstructCvError("prediction", `${entries.length} answers in classification.json, expected one`);
  const probability = typeof entry.probability === "number" ? entry.probability : Number.NaN;
  const present = typeof entry.present === "boolean" ? entry.present : probability >= 0.5;
  return { task: "classification", present, probability };
}
