/** What an answer is worth that never looks at the photo: the number a model must beat. */
import type { LabelledPhoto } from "../datasets/sample.js";
import { readPictureSize } from "../image/io.js";
import type { Size } from "../image/picture.js";
import { resizeBilinear } from "../image/resample.js";
import type { TaskName, Xyxy } from "../tasks/task.js";
import type { Answer, AnswerOf } from "./predictor.js";
import { type Asking, askPool, categoriesFor, type Question } from "./questions.js";

/** Answers from the question and the size of the photo alone. */
export type Baseline<T extends TaskName = TaskName> = (question: Question<T>) => AnswerOf<T>;

/** Everything is the category. */
export const allForeground: Baseline<"segmentation"> = ({ size }) => {
  const pixels = size.width * size.height;
  return { task: "segmentation", mask: new Uint8Array(pixels).fill(1), probability: new Float32Array(pixels).fill(1) };
};

/** One box in the centre, `share` of each side long. */
export function centreBox(share = 0.8): Baseline<"detection"> {
  return ({ size: { width, height } }) => {
    const margin = (1 - share) / 2;
    const xyxy: Xyxy = [width * margin, height * margin, width * (1 - margin), height * (1 - margin)];
    return { task: "detection", boxes: [{ xyxy, score: 1 }] };
  };
}

/** The same distance everywhere; 2.7 m is about the mean of NYUv2. */
export function constantDepth(metres = 2.7): Baseline<"depth"> {
  return ({ size }) => ({ task: "depth", metres: new Float32Array(size.width * size.height).fill(metres) });
}

/** Cells of the mean depth map; the photo's frame is squashed to them. */
const GRID: Size = { width: 80, height: 60 };

/** At each place of the frame the mean of the valid depths that the train split has there. */
export async function meanDepthMap(train: AsyncIterable<LabelledPhoto>): Promise<Baseline<"depth">> {
  const sum = new Float64Array(GRID.width * GRID.height);
  const count = new Float64Array(sum.length);
  for await (const photo of train) {
    const metres = await photo.depth!();
    const { width } = photo.embedded ? await photo.image() : await readPictureSize(photo.path);
    const height = metres.length / width;
    const columns = Int32Array.from({ length: width }, (_, x) => Math.floor((x * GRID.width) / width));
    for (let y = 0, i = 0; y < height; y++) {
      const row = Math.floor((y * GRID.height) / height) * GRID.width;
      for (let x = 0; x < width; x++, i++) {
        const value = metres[i]!;
        if (!(value > 0)) continue;
        const cell = row + columns[x]!;
        sum[cell]! += value;
        count[cell]!++;
      }
    }
  }
  const grid = Float32Array.from(sum, (total, i) => (count[i] ? total / count[i] : 0));
  return ({ size }) => ({ task: "depth", metres: resizeBilinear(grid, GRID, size, 1) });
}

/**
 * The best answer that looks at the question only: present when the category is more frequent among the present ones asked
 * than among the absent ones. It knows the frequencies of the very photos it is scored on, so it can only be too good.
 */
export function classPrior(photos: readonly LabelledPhoto[], asked: Asking = askPool): Baseline<"classification"> {
  const present = new Map<string, number>();
  const absent = new Map<string, number>();
  let presentTotal = 0;
  let absentTotal = 0;
  for (const photo of photos) {
    for (const category of categoriesFor(photo, "classification", asked) as string[]) {
      const shown = photo.present.includes(category);
      const counts = shown ? present : absent;
      counts.set(category, (counts.get(category) ?? 0) + 1);
      if (shown) presentTotal++;
      else absentTotal++;
    }
  }
  return ({ category }) => {
    const yes = (present.get(category!) ?? 0) / Math.max(1, presentTotal);
    const no = (absent.get(category!) ?? 0) / Math.max(1, absentTotal);
    const probability = yes / (yes + no);
    return { task: "classification", present: probability >= 0.5, probability };
  };
}

/** The baseline of each task that a report shows, for the photos of one dataset. `train` gives photos to learn the mean depth from. */
export async function baselineFor(
  task: TaskName,
  photos: readonly LabelledPhoto[],
  asked: Asking,
  train: (() => AsyncIterable<LabelledPhoto>) | undefined,
): Promise<(question: Question) => Answer> {
  const baseline = {
    segmentation: () => allForeground,
    detection: () => centreBox(),
    depth: () => (train ? meanDepthMap(train()) : constantDepth()),
    classification: () => classPrior(photos, asked),
  }[task];
  return (await baseline()) as (question: Question) => Answer;
}
