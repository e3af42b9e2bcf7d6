/** The best, the worst and some random questions of each dataset and task, asked once more for their pictures. */
import { Skipped } from "../../datasets/sample.js";
import { createRng } from "../../random.js";
import type { TaskName } from "../../tasks/task.js";
import { FARTHEST } from "../metrics/depth.js";
import { alignedMap, type DepthAlignment } from "../metrics/depth-alignment.js";
import { groupBy } from "../metrics/statistics.js";
import type { EvaluateOptions } from "../options.js";
import { onlyPresent, type Question, questionsFor, type Truth } from "../questions.js";
import type { QuestionRecord } from "../records/record.js";
import type { Run } from "../records/run.js";
import type { Reply, Respondent } from "../respondent.js";
import { wordingOf } from "../sentence.js";
import { suites } from "../suites/choose.js";
import { qualityOf } from "./quality.js";
import { type Tile, tilesOf } from "./tiles.js";

export type Choice = "best" | "worst" | "random";

export interface ReportPicture {
  readonly dataset: string;
  readonly task: TaskName;
  readonly choice: Choice;
  readonly photo: string;
  readonly category: string | null;
  readonly instruction: string;
  readonly quality: string;
  readonly tiles: readonly Tile[];
}

/** Of each kind. */
const EACH = 3;

/** Records of the first wording that can be ranked: of masks and boxes those of categories that are there. */
export function ranked(run: Run, dataset: string, task: TaskName) {
  const [wording] = run.head.wordings;
  return run.records
    .filter((record) => record.dataset === dataset && record.task === task && record.wording === wording)
    .filter(({ present }) => present || task === "classification")
    .flatMap((record) => {
      const quality = qualityOf(record);
      return quality ? [{ record, quality }] : [];
    })
    .sort((a, b) => b.quality.rank - a.quality.rank);
}

function chosenOf(run: Run): { record: QuestionRecord; quality: string; choice: Choice }[] {
  return run.head.datasets.flatMap((dataset) =>
    run.head.tasks.flatMap((task) => {
      const all = ranked(run, dataset, task);
      const best = all.slice(0, EACH);
      const worst = all.slice(best.length).slice(-EACH).reverse();
      const rest = all.filter((one) => !best.includes(one) && !worst.includes(one));
      const random = createRng(`report/${dataset}/${task}`).shuffle(rest).slice(0, EACH);
      return Object.entries({ best, worst, random }).flatMap(([choice, some]) =>
        some.map(({ record, quality }) => ({ record, quality: quality.text, choice: choice as Choice })),
      );
    }),
  );
}

export interface PictureSources extends Pick<EvaluateOptions, "dataRoot"> {
  /** Who answered the run: asked about a few photos again. */
  readonly respondent: Respondent;
}

/** Needs the photos and whoever answered; from a cache the answers come at once. */
export async function choosePictures(
  run: Run,
  { dataRoot, respondent }: PictureSources,
  signal?: AbortSignal,
): Promise<ReportPicture[]> {
  const { suite = "pool", seed = 0, presentOnly, depthAlign = "none" } = run.head.options;
  const chosen = chosenOf(run);
  const wanted = groupBy(chosen, ({ record }) => record.photo);
  const pictures = new Map<(typeof chosen)[number], ReportPicture>();
  for (const set of suites[suite].sets.filter(({ name }) => run.head.datasets.includes(name))) {
    for await (const photo of set.list(dataRoot)) {
      signal?.throwIfAborted();
      if (photo instanceof Skipped || !wanted.has(photo.id)) continue;
      const picture = await photo.image();
      const asked = presentOnly ? onlyPresent(set.asked) : set.asked;
      const questions = await questionsFor(photo, picture, run.head.tasks, asked);
      for (const one of wanted.get(photo.id)!) {
        const { record, quality, choice } = one;
        const { task, category, dataset } = record;
        const question = questions.find((one) => one.task === task && one.category === category)!;
        const wording = record.wording!;
        const instruction = wordingOf(photo, question, wording, seed);
        const reply = await respondent.respond({ photo, picture, question, wording, instruction }, signal);
        const tiles = await tilesOf(picture, question, aligned(reply, question, depthAlign));
        pictures.set(one, { dataset, task, choice, photo: photo.id, category, instruction, quality, tiles });
      }
    }
  }
  return chosen.flatMap((one) => pictures.get(one) ?? []);
}

/** Depth as it was compared. */
function aligned(reply: Reply, { truth }: Question, alignment: DepthAlignment): Reply {
  if (alignment === "none" || "fault" in reply || reply.answer.task !== "depth") return reply;
  const { metres } = truth as Truth as Extract<Truth, { task: "depth" }>;
  return { answer: { task: "depth", metres: alignedMap(alignment, reply.answer.metres, metres, FARTHEST) } };
}
