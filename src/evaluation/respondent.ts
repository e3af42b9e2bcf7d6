/** Who answers the questions of an evaluation: a model that draws, or a folder of predictions that some other system made. */
import type { LabelledPhoto } from "../datasets/sample.js";
import { InstructCvError } from "../errors.js";
import type { Picture } from "../image/picture.js";
import type { Wording } from "../instructions/render.js";
import { faultOf, rounded } from "./predictions/canonical.js";
import { type Answer, type AskOptions, emptyAnswer, type Predictor } from "./predictor.js";
import type { Question } from "./questions.js";

export interface Query {
  readonly photo: LabelledPhoto;
  readonly picture: Picture;
  readonly question: Question;
  readonly wording: Wording;
  /** The question as a sentence. */
  readonly instruction: string;
}

export type Reply =
  /** `misread`: the sentence was not understood or taken for another task, the answer is an empty one. */
  | { readonly answer: Answer; readonly drawn?: Picture; readonly misread?: true }
  /** There is no answer that could be scored, and why. */
  | { readonly fault: string };

export interface Respondent {
  respond(query: Query, signal?: AbortSignal): Promise<Reply>;
  /** What a reader of the report must know of these answers, once all are given: a sentence each. */
  notes?(): readonly string[];
}

/** A model, asked by sentences. Failures other than an instruction it does not understand are thrown. */
export function askModel(predictor: Predictor, options: Omit<AskOptions, "signal">): Respondent {
  return {
    async respond({ picture, question, instruction }, signal) {
      try {
        const answer = await predictor.perceive(picture, instruction, { ...options, ...(signal && { signal }) });
        if (answer.task !== question.task) return misread(question, picture);
        const drawn = "picture" in answer ? (answer.picture as Picture) : undefined;
        const fault = faultOf(answer, picture);
        return fault === undefined ? { answer: rounded(answer), ...(drawn && { drawn }) } : { fault };
      } catch (error) {
        if (error instanceof InstructCvError && error.code === "instruction") return misread(question, picture);
        throw error;
      }
    },
  };
}

function misread({ task }: Question, picture: Picture): Reply {
  return { answer: emptyAnswer(task, picture), misread: true };
}
