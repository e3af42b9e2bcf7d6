/** Runs a model over the test photos of the pool, in several wordings, and scores it next to trivial baselines. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { mapOrdered } from "../corpus/concurrent.js";
import { type DatasetName, datasetFolder, datasetNames, openPool } from "../datasets/pool.js";
import type { LabelledPhoto } from "../datasets/sample.js";
import { InstructCvError } from "../errors.js";
import type { Picture } from "../image/picture.js";
import type { Wording } from "../instructions/render.js";
import { renderInstruction } from "../instructions/render.js";
import { createRng, type Rng } from "../random.js";
import { defaultColours, palette } from "../tasks/colours.js";
import type { NamedColour, Slots, TaskName } from "../tasks/task.js";
import { baselineFor } from "./baselines.js";
import { type Answer, emptyAnswer, type Predictor } from "./predictor.js";
import { createProgress, type EvaluationProgress } from "./progress.js";
import { categoriesFor, isAsked, type Question, questionsFor } from "./questions.js";
import type { Report, Row } from "./report.js";
import { createScorer, isPaperStyle, type Score, type Scorer } from "./scorers.js";

export const ALL_TASKS: readonly TaskName[] = ["depth", "segmentation", "detection", "classification"];
export const ALL_WORDINGS: readonly Wording[] = ["template", "paraphrase", "unseen"];

export interface EvaluateOptions {
  /** Folder that holds the datasets. */
  readonly dataRoot: string;
  readonly predictor: Predictor;
  /** How the report calls the model. */
  readonly model: string;
  /** All unless given. */
  readonly tasks?: readonly TaskName[];
  /** Those found under `dataRoot` unless given (the report names the others); a given one must be there. */
  readonly datasets?: readonly DatasetName[];
  /** All unless given. */
  readonly wordings?: readonly Wording[];
  /** Only so many photos of each dataset, drawn by the seed; the report says so. */
  readonly limit?: number;
  /** Decides wordings, colours, limited photos and the model's noise; 0 unless given. */
  readonly seed?: number;
  /** Passed on to the model; its own default unless given. */
  readonly steps?: number;
  /** These two as in `perceive`; the model's own default unless given. */
  readonly mirror?: boolean;
  readonly restate?: boolean;
  /** Add the numbers of the InstructCV authors' evaluators, marked "paper-style". */
  readonly paperStyle?: boolean;
  /** Where the photos come from; the test splits of the pool unless given. */
  readonly photos?: (dataset: DatasetName) => AsyncIterable<LabelledPhoto>;
}

/** Queries handed to the model at a time: while it draws one, the next photo is prepared. */
const IN_FLIGHT = 2;

/**
 * Asks about every photo and scores the answers; equal options and an equal model give an equal report. An instruction that the
 * model does not understand, or takes for another task, is scored as an empty answer and counted in the report's notes.
 * @throws {InstructCvError} "dataset" for missing data, "usage" when nothing is left to ask; the signal's reason on abort.
 */
export async function evaluate(
  options: EvaluateOptions,
  onProgress: (progress: EvaluationProgress) => void = () => {},
  signal?: AbortSignal,
): Promise<Report> {
  const { tasks = ALL_TASKS, wordings = ALL_WORDINGS } = options;
  const datasets = options.datasets ?? findDatasets(options);
  const chosen: { dataset: DatasetName; photos: LabelledPhoto[] }[] = [];
  for (const dataset of datasets) chosen.push({ dataset, photos: await choosePhotos(dataset, options, signal) });
  const count = (photo: LabelledPhoto) => tasks.reduce((sum, task) => sum + categoriesFor(photo, task).length, 0);
  const total = chosen.flatMap(({ photos }) => photos).reduce((sum, photo) => sum + count(photo), 0) * wordings.length;
  if (total === 0)
    throw new InstructCvError(
      "usage",
      `Nothing to ask: ${datasets.join(", ")} have no labels for ${tasks.join(", ")}.`,
      "Choose other tasks or datasets.",
    );
  const tick = createProgress(total, onProgress);
  const rows: Row[] = [];
  let misread = 0;
  for (const { dataset, photos } of chosen) {
    const sheets = await openSheets(dataset, photos, tasks, wordings, options.dataRoot);
    const prepare = async (photo: LabelledPhoto) => {
      const picture = await photo.image();
      return { photo, picture, questions: await questionsFor(photo, picture, tasks) };
    };
    for await (const { photo, picture, questions } of mapOrdered(photos, IN_FLIGHT, prepare)) {
      const queries = questions.flatMap((question) => wordings.map((wording) => ({ question, wording })));
      const ask = async ({ question, wording }: (typeof queries)[number]) => {
        signal?.throwIfAborted();
        const answer = await askModel(photo, picture, question, wording, options, signal);
        tick(dataset, question.task);
        return { question, wording, answer };
      };
      for await (const { question, wording, answer } of mapOrdered(queries, IN_FLIGHT, ask)) {
        if (!answer) misread++;
        const sheet = sheets.get(question.task)!;
        sheet.model.get(wording)!.add(question, answer ?? emptyAnswer(question.task, picture));
      }
      for (const question of questions) {
        const sheet = sheets.get(question.task)!;
        sheet.baseline.add(question, sheet.trivial(question));
      }
    }
    for (const [task, sheet] of sheets) rows.push(...rowsOf(dataset, task, sheet, options.paperStyle ?? false));
  }
  return { suite: suiteName(options), model: options.model, rows, notes: notesOf(options, datasets, misread, total) };
}

function findDatasets({ dataRoot, photos }: EvaluateOptions): DatasetName[] {
  const found = datasetNames.filter((name) => photos || existsSync(datasetFolder(dataRoot, name)));
  if (found.length > 0) return found;
  const expected = datasetNames.map((name) => basename(datasetFolder(dataRoot, name))).join(", ");
  throw new InstructCvError(
    "dataset",
    `${dataRoot}: expected at least one of the folders ${expected}, found none.`,
    "Give the folder that holds the datasets.",
  );
}

/** All photos of a test split that are asked about, or `limit` of them drawn by the seed, in their own order. */
async function choosePhotos(
  dataset: DatasetName,
  { dataRoot, photos = (name) => openPool(dataRoot, "test", [name]), limit, seed = 0 }: EvaluateOptions,
  signal: AbortSignal | undefined,
): Promise<LabelledPhoto[]> {
  const all: LabelledPhoto[] = [];
  for await (const photo of photos(dataset)) {
    signal?.throwIfAborted();
    if (isAsked(photo)) all.push(photo);
  }
  if (limit === undefined) return all;
  const drawn = new Set(createRng(`${seed}/${dataset}`).shuffle(all).slice(0, limit));
  return all.filter((photo) => drawn.has(photo));
}

/** The scores of one dataset and task: the model's for each wording, and the baseline's. */
interface Sheet {
  readonly model: ReadonlyMap<Wording, Scorer>;
  readonly baseline: Scorer;
  readonly trivial: (question: Question) => Answer;
}

async function openSheets(
  dataset: DatasetName,
  photos: readonly LabelledPhoto[],
  tasks: readonly TaskName[],
  wordings: readonly Wording[],
  dataRoot: string,
): Promise<Map<TaskName, Sheet>> {
  const sheets = new Map<TaskName, Sheet>();
  for (const task of tasks) {
    if (!photos.some((photo) => categoriesFor(photo, task).length > 0)) continue;
    sheets.set(task, {
      model: new Map(wordings.map((wording) => [wording, createScorer(task)])),
      baseline: createScorer(task),
      trivial: await baselineFor(task, dataset, photos, dataRoot),
    });
  }
  return sheets;
}

/** As often the default colours as any two of the palette, like the corpus. */
function drawColours(rng: Rng): { positive: NamedColour; negative: NamedColour } {
  if (rng.next() < 0.5) return defaultColours;
  const [positive, negative] = rng.shuffle<NamedColour>(palette);
  return { positive: positive!, negative: negative! };
}

/** Undefined when the instruction was not understood or taken for another task. */
async function askModel(
  photo: LabelledPhoto,
  picture: Picture,
  { task, category }: Question,
  wording: Wording,
  { predictor, steps, mirror, restate, seed = 0 }: EvaluateOptions,
  signal: AbortSignal | undefined,
): Promise<Answer | undefined> {
  // A generator of its own for each query, so that neither a limit nor the choice of tasks changes what is asked.
  const rng = createRng(`${seed}/${photo.id}/${task}/${category}/${wording}`);
  const slots: Slots = task === "classification" ? { category, ...drawColours(rng) } : { category };
  const instruction = renderInstruction(task, slots, wording, rng);
  try {
    const answer = await predictor.perceive(picture, instruction, { steps, mirror, restate, seed, signal });
    return answer.task === task ? answer : undefined;
  } catch (error) {
    if (error instanceof InstructCvError && error.code === "instruction") return undefined;
    throw error;
  }
}

function rowsOf(dataset: DatasetName, task: TaskName, { model, baseline }: Sheet, paperStyle: boolean): Row[] {
  const shown = (score: Score) => paperStyle || !isPaperStyle(score);
  const finite = (value: number | undefined) => (Number.isFinite(value) ? value! : null);
  const trivial = new Map(baseline.scores().map(({ metric, value }) => [metric, value]));
  return [...model].flatMap(([wording, scorer]) =>
    scorer
      .scores()
      .filter(shown)
      .map(({ metric, value, n }) => ({
        dataset,
        task,
        metric,
        wording,
        value: finite(value),
        baseline: finite(trivial.get(metric)),
        n,
      })),
  );
}

function suiteName({ limit, seed = 0 }: EvaluateOptions): string {
  return limit === undefined ? "test splits" : `test splits, ${limit} photos a dataset (seed ${seed})`;
}

function notesOf(
  { limit, steps, mirror, restate, datasets }: EvaluateOptions,
  measured: readonly DatasetName[],
  misread: number,
  total: number,
): string[] {
  const missing = datasets ? [] : datasetNames.filter((name) => !measured.includes(name));
  return [
    ...(missing.length === 0 ? [] : [`Not there, so not measured: ${missing.join(", ")}.`]),
    ...(limit === undefined ? [] : [`Only ${limit} photos of each dataset: not comparable with a full run.`]),
    ...(steps === undefined ? [] : [`${steps} sampling ${steps === 1 ? "step" : "steps"}.`]),
    ...(mirror === undefined ? [] : [mirror ? "Averaged with the mirrored drawing." : "One drawing each."]),
    ...(restate === undefined
      ? []
      : [restate ? "Sentences were restated." : "Sentences reached the network as worded."]),
    ...(misread === 0 ? [] : [`${misread} of ${total} instructions were taken for another task: scored as empty.`]),
    "baseline: mean depth map of the train split, all foreground, one centred box of 80 %, question-only prior.",
  ];
}
