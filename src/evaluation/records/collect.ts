/** From the replies about one photo to its records: each answer measured, each question's baseline, and the full label maps. */
import type { LabelledPhoto } from "../../datasets/sample.js";
import { InstructCvError } from "../../errors.js";
import type { Size } from "../../image/picture.js";
import type { Wording } from "../../instructions/render.js";
import type { TaskName } from "../../tasks/task.js";
import type { DepthOptions } from "../metrics/depth.js";
import type { Answer, AnswerOf } from "../predictor.js";
import type { Question } from "../questions.js";
import type { Query, Reply } from "../respondent.js";
import { LabelMap } from "./label-map.js";
import { measure } from "./measure.js";
import type { QuestionRecord } from "./record.js";

export interface AskedPhoto {
  readonly photo: LabelledPhoto;
  /** Its number in the dataset. */
  readonly at: number;
  readonly picture: Size;
  readonly questions: readonly Question[];
  readonly trivial: ReadonlyMap<TaskName, (question: Question) => Answer>;
  /** Whether to put the masks together. */
  readonly labelMaps: boolean;
  readonly depth: DepthOptions;
}

export async function* recordsOf(
  { photo, at, picture, questions, trivial, labelMaps, depth }: AskedPhoto,
  replies: AsyncIterable<{ readonly query: Query; readonly reply: Reply }>,
): AsyncGenerator<QuestionRecord> {
  const about = { photo: photo.id, at, dataset: photo.dataset };
  const maps = new Map<Wording | null, LabelMap>();
  const incomplete = new Map<Wording | null, string>();
  const mapFor = (wording: Wording | null) => {
    const map = maps.get(wording) ?? new LabelMap(picture.width * picture.height);
    maps.set(wording, map);
    return map;
  };
  const addToMap = (question: Question, wording: Wording | null, answer: Answer) => {
    if (!labelMaps || question.task !== "segmentation") return;
    const { truth, category } = question as Question<"segmentation">;
    mapFor(wording).add(category!, truth.mask, (answer as AnswerOf<"segmentation">).probability);
  };
  for await (const { query, reply } of replies) {
    const { question, wording } = query;
    const { task, category, present } = question;
    const record = { ...about, task, category, wording, present };
    if ("fault" in reply) {
      if (task === "segmentation" && labelMaps) {
        incomplete.set(wording, `its mask of ${category} is missing or faulty`);
        mapFor(wording);
      }
      yield { ...record, facts: null, fault: reply.fault };
      continue;
    }
    const outcome = measured(question, reply.answer, depth);
    yield { ...record, ...outcome, ...(reply.misread && { misread: true }) };
    addToMap(question, wording, reply.answer);
  }
  for (const question of questions) {
    const { task, category, present } = question;
    const answer = trivial.get(task)!(question);
    yield { ...about, task, category, wording: null, present, facts: measure(question, answer, depth) };
    addToMap(question, null, answer);
  }
  for (const [wording, map] of maps) {
    const record = { ...about, task: "segmentation", category: null, wording, present: true } as const;
    const fault = incomplete.get(wording);
    yield fault ? { ...record, facts: null, fault } : { ...record, facts: map.facts() };
  }
}

/** What only the truth shows to be unusable, such as depth of all zeros to be scaled by its median, is a fault as any other. */
function measured(question: Question, answer: Answer, depth: DepthOptions): Pick<QuestionRecord, "facts" | "fault"> {
  try {
    return { facts: measure(question, answer, depth) };
  } catch (error) {
    if (!(error instanceof InstructCvError)) throw error;
    return { facts: null, fault: error.message.replace(/\.$/, "") };
  }
}
