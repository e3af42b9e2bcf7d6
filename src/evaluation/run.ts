/** The walk through a suite: photo by photo, question by question, to a record of each answer. */
import { mapOrdered } from "../corpus/concurrent.js";
import type { DatasetName } from "../datasets/pool.js";
import { type LabelledPhoto, Skipped } from "../datasets/sample.js";
import { InstructCvError } from "../errors.js";
import type { Picture } from "../image/picture.js";
import type { Wording } from "../instructions/render.js";
import { createRng } from "../random.js";
import type { TaskName } from "../tasks/task.js";
import { baselineFor } from "./baselines.js";
import { ALL_TASKS, ALL_WORDINGS, type EvaluateOptions } from "./options.js";
import type { Answer } from "./predictor.js";
import { createProgress, type EvaluationProgress } from "./progress.js";
import { type Asking, categoriesFor, isAsked, onlyPresent, type Question, questionsFor } from "./questions.js";
import { recordsOf } from "./records/collect.js";
import type { QuestionRecord } from "./records/record.js";
import type { Run, SkippedPhoto } from "./records/run.js";
import { askModel, type Query, type Respondent } from "./respondent.js";
import { headOf } from "./run-head.js";
import { wordingOf } from "./sentence.js";
import { chooseSets, suites } from "./suites/choose.js";
import { type EvaluationSet, placeFound } from "./suites/set.js";

/** Queries handed to the model at a time: while it draws one, the next photo is prepared. */
const IN_FLIGHT = 2;

/** A photo and its number among those that its dataset is asked about. */
interface Numbered {
  readonly photo: LabelledPhoto;
  readonly at: number;
}
interface Prepared extends Numbered {
  readonly picture: Picture;
  readonly questions: readonly Question[];
}
interface Chosen {
  readonly set: EvaluationSet;
  readonly asked: Asking;
  readonly tasks: readonly TaskName[];
  /** All, whatever part of them is asked about here. */
  readonly photos: readonly LabelledPhoto[];
  readonly part: readonly Numbered[];
}

/** As `evaluate`, but to the records of the answers instead of a report. */
export async function runEvaluation(
  options: EvaluateOptions,
  onProgress: (progress: EvaluationProgress) => void = () => {},
  signal?: AbortSignal,
): Promise<Run> {
  const { tasks = ALL_TASKS, wordings = ALL_WORDINGS, suite = "pool", dataRoot, seed = 0 } = options;
  const given = options.photos && (() => true);
  const { sets, missing } = chooseSets(suites[suite], dataRoot, options.datasets, given);
  const skipped: SkippedPhoto[] = [];
  const chosen: Chosen[] = [];
  for (const set of sets) chosen.push(await choose(set, tasks, options, skipped, signal));
  const total = chosen.reduce((sum, one) => sum + queries(one), 0) * wordings.length;
  if (total === 0 && !options.shard) {
    const names = sets.map(({ name }) => name).join(", ");
    const message = `Nothing to ask: ${names} have no labels for ${tasks.join(", ")}.`;
    throw new InstructCvError("usage", message, "Choose other tasks or datasets.");
  }
  const { steps, mirror, restate } = options;
  const respondent = options.respondent ?? askModel(options.predictor!, { steps, mirror, restate, seed });
  const tick = createProgress(total, onProgress);
  const records: QuestionRecord[] = [];
  for (const one of chosen) {
    for await (const record of walk(one, { ...options, wordings, suite, seed }, respondent, skipped, tick, signal))
      records.push(record);
  }
  return { head: headOf(options, chosen, missing, skipped, respondent), records };
}

const queries = ({ part, tasks, asked }: Chosen) =>
  part.reduce(
    (sum, { photo }) => sum + tasks.reduce((count, task) => count + categoriesFor(photo, task, asked).length, 0),
    0,
  );

/** The photos of a set that are asked about, or `limit` of them drawn by the seed, in their own order. */
async function choose(
  set: EvaluationSet,
  wanted: readonly TaskName[],
  { dataRoot, photos, limit, seed = 0, presentOnly, shard: [i, n] = [1, 1] }: EvaluateOptions,
  skipped: SkippedPhoto[],
  signal: AbortSignal | undefined,
): Promise<Chosen> {
  const tasks = wanted.filter((task) => set.tasks.includes(task));
  const asked = presentOnly ? onlyPresent(set.asked) : set.asked;
  const all: LabelledPhoto[] = [];
  for await (const photo of photos ? photos(set.name as DatasetName) : set.list(dataRoot)) {
    signal?.throwIfAborted();
    if (photo instanceof Skipped) skipped.push({ dataset: set.name, photo: photo.photo, reason: photo.reason });
    else if (set.everyPhoto || isAsked(photo, set.tasks, set.asked)) all.push(photo);
  }
  const drawn =
    limit === undefined ? undefined : new Set(createRng(`${seed}/${set.name}`).shuffle(all).slice(0, limit));
  const chosen = drawn ? all.filter((photo) => drawn.has(photo)) : all;
  const part = chosen.map((photo, at) => ({ photo, at })).filter(({ at }) => at % n === i - 1);
  return { set, asked, tasks, photos: chosen, part };
}

async function* walk(
  { set, asked, tasks, photos, part }: Chosen,
  options: EvaluateOptions & { readonly wordings: readonly Wording[]; readonly seed: number },
  respondent: Respondent,
  skipped: SkippedPhoto[],
  tick: (dataset: string, task: TaskName) => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<QuestionRecord> {
  const {
    wordings,
    seed,
    dataRoot,
    suite,
    depthAlign,
    depthCrop,
    labelMaps = suite !== "pool" && !options.presentOnly,
  } = options;
  const train = set.train && placeFound(set, dataRoot) ? () => set.train!(dataRoot) : undefined;
  const trivial = new Map<TaskName, (question: Question) => Answer>();
  for (const task of tasks) {
    if (!photos.some((photo) => categoriesFor(photo, task, asked).length > 0)) continue;
    trivial.set(task, await baselineFor(task, photos, asked, train));
  }
  const prepare = async ({ photo, at }: Numbered): Promise<Prepared | { readonly unusable: SkippedPhoto }> => {
    try {
      const picture = await photo.image();
      return { photo, at, picture, questions: await questionsFor(photo, picture, tasks, asked) };
    } catch (error) {
      if (!(error instanceof InstructCvError)) throw error;
      return { unusable: { dataset: set.name, photo: photo.id, reason: error.message } };
    }
  };
  for await (const prepared of mapOrdered(part, IN_FLIGHT, prepare)) {
    if ("unusable" in prepared) {
      skipped.push(prepared.unusable);
      continue;
    }
    const { photo, at, picture, questions } = prepared;
    const queries = questions.flatMap((question) =>
      wordings.map((wording) => ({
        photo,
        picture,
        question,
        wording,
        instruction: wordingOf(photo, question, wording, seed),
      })),
    );
    const ask = async (query: Query) => {
      signal?.throwIfAborted();
      const reply = await respondent.respond(query, signal);
      tick(set.name, query.question.task);
      return { query, reply };
    };
    const depth = { align: depthAlign, crop: depthCrop };
    yield* recordsOf({ photo, at, picture, questions, trivial, labelMaps, depth }, mapOrdered(queries, IN_FLIGHT, ask));
  }
}
