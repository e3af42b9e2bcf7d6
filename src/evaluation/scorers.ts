/** From answers to the rows of a report: which metrics each task is measured by. */
import type { TaskName } from "../tasks/task.js";
import { PresenceMeter } from "./metrics/classification.js";
import { DepthMeter } from "./metrics/depth.js";
import { type ImageBoxes, scoreDetections } from "./metrics/detection.js";
import { paperAccuracy, paperBoxes, paperDepth, paperIou } from "./metrics/paper-style/index.js";
import { IouMeter } from "./metrics/segmentation.js";
import { mean } from "./metrics/statistics.js";
import type { AnswerOf } from "./predictor.js";
import type { Question } from "./questions.js";

export interface Score {
  readonly metric: string;
  /** NaN when there was nothing to measure. */
  readonly value: number;
  /** Queries behind the value. */
  readonly n: number;
}

export interface Scorer<T extends TaskName = TaskName> {
  add(question: Question<T>, answer: AnswerOf<T>): void;
  /** Headline first. */
  scores(): Score[];
}

const PRESENT = "(present classes asked)";
const ALL = "(all classes asked)";

class DepthScorer implements Scorer<"depth"> {
  readonly #meter = new DepthMeter();
  readonly #paper: { rmse: number; delta1: number }[] = [];
  #n = 0;

  add({ truth }: Question<"depth">, answer: AnswerOf<"depth">): void {
    this.#meter.add(truth.metres, answer);
    this.#paper.push(paperDepth(answer.metres, truth.metres));
    this.#n++;
  }

  scores(): Score[] {
    const pooled = this.#meter.pooled();
    const values: [string, number][] = [
      ["RMSE (m)", pooled.rmse],
      ["RMSE, mean over images (m)", this.#meter.perImage().rmse],
      ["AbsRel", pooled.absRel],
      ["log10", pooled.log10],
      ["delta1", pooled.delta1],
      ["delta2", pooled.delta2],
      ["delta3", pooled.delta3],
      ["paper-style RMSE (m)", mean(this.#paper.map(({ rmse }) => rmse))],
      ["paper-style delta1", mean(this.#paper.map(({ delta1 }) => delta1))],
    ];
    return values.map(([metric, value]) => ({ metric, value, n: this.#n }));
  }
}

class SegmentationScorer implements Scorer<"segmentation"> {
  readonly #present = new IouMeter();
  readonly #all = new IouMeter();
  readonly #paper: number[] = [];
  #n = 0;

  add({ category, present, truth }: Question<"segmentation">, { mask, probability }: AnswerOf<"segmentation">): void {
    this.#n++;
    this.#all.add(category!, truth.mask, mask);
    if (!present) return;
    this.#present.add(category!, truth.mask, mask);
    this.#paper.push(paperIou(probability, truth.mask));
  }

  scores(): Score[] {
    const asked = this.#paper.length;
    return [
      { metric: `IoU ${PRESENT}`, value: this.#present.pooled(), n: asked },
      { metric: `mIoU ${PRESENT}`, value: this.#present.meanOverClasses(), n: asked },
      { metric: `mIoU ${ALL}`, value: this.#all.meanOverClasses(), n: this.#n },
      { metric: "paper-style mIoU", value: mean(this.#paper), n: asked },
    ];
  }
}

class DetectionScorer implements Scorer<"detection"> {
  readonly #all: (ImageBoxes & { present: boolean })[] = [];

  add({ category, present, truth }: Question<"detection">, { boxes }: AnswerOf<"detection">): void {
    this.#all.push({ category: category!, present, truths: truth.boxes, found: boxes });
  }

  scores(): Score[] {
    const present = this.#all.filter((image) => image.present);
    const shown = scoreDetections(present);
    const all = scoreDetections(this.#all);
    const paper = scoreDetections(present.map((image) => ({ ...image, found: paperBoxes(image.found, image.truths) })));
    return [
      { metric: `AP@.5 ${PRESENT}`, value: shown.apAt(0.5), n: present.length },
      { metric: `AP@.5 ${ALL}`, value: all.apAt(0.5), n: this.#all.length },
      { metric: `AP@.5:.95 ${ALL}`, value: all.ap, n: this.#all.length },
      { metric: `AR@.5:.95 ${ALL}`, value: all.ar, n: this.#all.length },
      { metric: "paper-style AP@.5", value: paper.apAt(0.5), n: present.length },
    ];
  }
}

class ClassificationScorer implements Scorer<"classification"> {
  readonly #pooled = new PresenceMeter();
  readonly #answers: AnswerOf<"classification">[] = [];

  add({ category, present }: Question<"classification">, answer: AnswerOf<"classification">): void {
    this.#pooled.add(category!, present, answer);
    this.#answers.push(answer);
  }

  scores(): Score[] {
    const n = this.#answers.length;
    return [
      { metric: "balanced accuracy", value: this.#pooled.balancedByCategory(), n },
      { metric: "balanced accuracy, pooled", value: this.#pooled.balancedAccuracy(), n },
      { metric: "AUC, pooled", value: this.#pooled.auc(), n },
      { metric: "paper-style accuracy", value: paperAccuracy(this.#answers), n },
    ];
  }
}

/** Metrics of the authors' evaluators, shown on request only. */
export const isPaperStyle = ({ metric }: Score): boolean => metric.startsWith("paper-style");

export function createScorer(task: TaskName): Scorer {
  const scorers = {
    segmentation: () => new SegmentationScorer(),
    detection: () => new DetectionScorer(),
    depth: () => new DepthScorer(),
    classification: () => new ClassificationScorer(),
  } as const;
  return scorers[task]() as Scorer;
}
