/** Which of the categories asked a photo shows: the usual accuracy of classification, from as many yes/no answers. */
import { groupBy } from "../metrics/statistics.js";
import { factsOf, type QuestionRecord } from "./record.js";

/**
 * Share of the photos whose one present category got the highest probability (of equal ones the first asked). A photo with a question that
 * was not scored is left out. `n` counts photos.
 */
export function topOne(records: readonly QuestionRecord[]): { metric: string; value: number; n: number }[] {
  let right = 0;
  let n = 0;
  for (const [, questions] of groupBy(records, ({ photo }) => photo)) {
    const answers = factsOf(questions, "presence");
    if (answers.length < questions.length || answers.filter(({ record }) => record.present).length !== 1) continue;
    const best = answers.reduce((a, b) => (b.facts.probability > a.facts.probability ? b : a));
    if (best.record.present) right++;
    n++;
  }
  return n === 0 ? [] : [{ metric: "top-1 accuracy (all classes asked)", value: right / n, n }];
}
