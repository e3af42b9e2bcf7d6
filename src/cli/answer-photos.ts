/** The loop of `instructcv run`: every photo, every instruction; a failure is named and does not stop the others. */
import { readPicture } from "../image/io.js";
import type { Picture } from "../image/picture.js";
import type { PerceiveOptions, SamplingOptions } from "../inference/index.js";
import type { TaskResult } from "../tasks/task.js";
import { describeAnswer } from "./describe.js";
import { errorLine, isAbort } from "./exit.js";
import { type Asked, answerNames, photoNames } from "./names.js";
import { startProgress } from "./progress.js";
import { answerToJson } from "./result-json.js";
import type { Terminal } from "./terminal.js";
import { writeAnswer } from "./write.js";

/** A decoded answer with its circumstances, as `Perceiver.perceive` gives it. */
export type Perceived = TaskResult & {
  readonly category: string | null;
  readonly seed: number;
  readonly steps: number;
  readonly picture: Picture;
  readonly timings: Readonly<Record<string, number>>;
};

/** The part of a loaded model that the loop needs. */
export interface Model {
  perceive(
    image: Picture,
    instruction: string,
    options: SamplingOptions & Pick<PerceiveOptions, "signal" | "onStep">,
  ): Promise<Perceived>;
}

export interface Work {
  readonly files: readonly string[];
  readonly instructions: readonly (Asked & { readonly text: string })[];
  /** What the JSON calls the model. */
  readonly modelName: string;
  readonly seed: number;
  readonly sampling: SamplingOptions;
  /** Denoising steps of one answer, which the progress bar counts; with 1 it counts answers. */
  readonly steps: number;
  readonly out: string;
  readonly json: boolean;
}

/** Answers one after the other and prints each as soon as it is written. Returns how many failed. @throws AbortError */
export async function answerPhotos(model: Model, work: Work, terminal: Terminal): Promise<number> {
  const total = work.files.length * work.instructions.length;
  const names = photoNames(work.files);
  const answers = answerNames(work.instructions);
  const { steps } = work;
  const progress = startProgress(terminal, total * steps, steps === 1 ? "answers" : "steps");
  let done = 0;
  let failed = 0;
  const fail = (error: unknown, file: string, count: number) => {
    if (isAbort(error)) throw error;
    failed += count;
    done += count;
    progress.interrupt(() => terminal.note(errorLine(error, file)));
    progress.update(done * steps);
  };
  try {
    for (const [i, file] of work.files.entries()) {
      terminal.signal.throwIfAborted();
      const start = performance.now();
      let photo: Picture;
      try {
        photo = await readPicture(file);
      } catch (error) {
        fail(error, file, work.instructions.length);
        continue;
      }
      const read = performance.now() - start;
      for (const [j, { text }] of work.instructions.entries()) {
        try {
          const line = await answer(model, work, terminal, {
            file,
            photo,
            read,
            text,
            name: `${names[i]}.${answers[j]}`,
            onStep: steps > 1 ? ({ step }) => progress.update(done * steps + step) : undefined,
          });
          progress.interrupt(() => terminal.out(line));
          done++;
          progress.update(done * steps);
        } catch (error) {
          fail(error, file, 1);
        }
      }
    }
  } finally {
    progress.stop();
  }
  return failed;
}

interface One {
  readonly file: string;
  readonly photo: Picture;
  /** Milliseconds that reading the photo took. */
  readonly read: number;
  readonly text: string;
  /** File name without extension. */
  readonly name: string;
  readonly onStep: PerceiveOptions["onStep"];
}

async function answer(model: Model, work: Work, terminal: Terminal, one: One): Promise<string> {
  const { file, photo, read, text, name, onStep } = one;
  const options = { ...work.sampling, seed: work.seed, signal: terminal.signal, onStep };
  const perceived = await model.perceive(photo, text, options);
  terminal.signal.throwIfAborted();
  const { category, picture: drawn, timings } = perceived;
  const written = await writeAnswer(work.out, name, { photo, drawn, result: perceived, category });
  const facts = {
    image: file,
    instruction: text,
    category,
    model: work.modelName,
    steps: perceived.steps,
    seed: perceived.seed,
    timings: { ...timings, read, total: (timings.total ?? 0) - (timings.read ?? 0) + read },
  };
  return work.json ? answerToJson(facts, perceived, written) : describeAnswer(facts, perceived, written);
}
