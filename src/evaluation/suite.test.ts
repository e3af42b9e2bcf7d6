/** The suite on four made-up photos: what is asked, how it is scored, and what happens when things go wrong. */
import { describe, expect, it } from "vitest";
import type { LabelledPhoto } from "../datasets/sample.js";
import { InstructCvError } from "../errors.js";
import type { TaskName } from "../tasks/task.js";
import { type Answer, emptyAnswer, type Predictor } from "./predictor.js";
import type { EvaluationProgress } from "./progress.js";
import { type EvaluateOptions, evaluate } from "./suite.js";

const size = { width: 4, height: 2 };

/** A photo whose left half is `category`. */
function photoOf(index: number, category: string): LabelledPhoto {
  return {
    id: `voc2012/${index}`,
    dataset: "voc2012",
    split: "val",
    path: `/nowhere/${index}.jpg`,
    image: async () => ({ ...size, data: new Uint8Array(24).fill(index) }),
    known: ["cat", "dog", "person"],
    present: [category],
    masks: async () => new Map([[category, Uint8Array.of(1, 1, 0, 255, 1, 1, 0, 255)]]),
    boxed: ["cat", "dog"],
    boxes: async () => [{ category, xyxy: [0, 0, 2, 2], ignore: false }],
  };
}
const photos = async function* () {
  for (const [index, category] of ["cat", "dog", "cat", "dog"].entries()) yield photoOf(index, category);
};

/** Knows which task is meant from the options of the test, draws everything everywhere and says yes. */
const yesMan = (task: TaskName, asked: string[] = []): Predictor => ({
  async perceive(image, instruction) {
    asked.push(instruction);
    const pixels = image.width * image.height;
    const answers: Record<TaskName, Answer> = {
      segmentation: {
        task: "segmentation",
        mask: new Uint8Array(pixels).fill(1),
        probability: new Float32Array(pixels),
      },
      detection: { task: "detection", boxes: [{ xyxy: [0, 0, 2, 2], score: 0.5 }] },
      depth: { task: "depth", metres: new Float32Array(pixels) },
      classification: { task: "classification", present: true, probability: 1 },
    };
    return answers[task];
  },
});

function run(task: TaskName, options: Partial<EvaluateOptions> = {}) {
  return evaluate({
    dataRoot: "/nowhere",
    model: "yes",
    predictor: yesMan(task),
    tasks: [task],
    datasets: ["voc2012"],
    wordings: ["template"],
    photos,
    ...options,
  });
}
const values = async (report: ReturnType<typeof run>) =>
  Object.fromEntries((await report).rows.map(({ metric, value, n }) => [metric, [value, n]]));

describe("evaluate", () => {
  it("asks every category of every photo for a mask, and leaves ignored pixels out", async () => {
    expect(await values(run("segmentation"))).toEqual({
      "IoU (present classes asked)": [4 / 6, 4],
      "mIoU (present classes asked)": [4 / 6, 4],
      "mIoU (all classes asked)": [8 / 24, 8],
    });
  });

  it("charges boxes drawn for absent categories", async () => {
    const found = await values(run("detection"));
    expect(found["AP@.5 (present classes asked)"]![0]).toBeCloseTo(1, 12);
    // Cats: hit, false, hit, false (51 recalls at precision 1, 50 at 2/3); dogs: false, hit, false, hit (all at 1/2).
    expect(found["AP@.5 (all classes asked)"]![0]).toBeCloseTo(((51 + (50 * 2) / 3) / 101 + 1 / 2) / 2, 12);
    expect(found["AP@.5 (all classes asked)"]![1]).toBe(8);
    expect(Object.keys(found)).toEqual([
      "AP@.5 (present classes asked)",
      "AP@.5 (all classes asked)",
      "AP@.5:.95 (all classes asked)",
      "AR@.5:.95 (all classes asked)",
    ]);
  });

  it("gives a constant yes one half, and the paper's evaluator full marks", async () => {
    const predictor = yesMan("classification");
    const found = await values(run("classification", { predictor, paperStyle: true }));
    expect(found).toMatchObject({
      "balanced accuracy": [0.5, 8],
      "balanced accuracy, pooled": [0.5, 8],
      "AUC, pooled": [0.5, 8],
      "paper-style accuracy": [1, 8],
    });
  });

  it("writes rows of exactly the agreed keys, with the baseline beside each value", async () => {
    const { rows, suite, model } = await run("segmentation", { wordings: ["template", "unseen"] });
    expect({ suite, model }).toEqual({ suite: "test splits", model: "yes" });
    expect(rows.map(({ wording }) => wording)).toEqual([...Array(3).fill("template"), ...Array(3).fill("unseen")]);
    for (const row of rows) {
      expect(Object.keys(row)).toEqual(["dataset", "task", "metric", "wording", "value", "baseline", "n"]);
      expect(row.value).toBe(row.baseline);
    }
  });

  it("asks the same again for the same seed, whatever else is asked, and otherwise for another", async () => {
    const ask = async (options: Partial<EvaluateOptions>) => {
      const asked: string[] = [];
      await run("classification", { predictor: yesMan("classification", asked), wordings: ["unseen"], ...options });
      return asked;
    };
    const all = await ask({ seed: 1 });
    expect(all).toHaveLength(8);
    expect(await ask({ seed: 1 })).toEqual(all);
    expect(await ask({ seed: 2 })).not.toEqual(all);
    for (const instruction of await ask({ seed: 1, limit: 2 })) expect(all).toContain(instruction);
  });

  it("says when only a part was measured", async () => {
    const report = await run("segmentation", { limit: 1, steps: 2, seed: 7 });
    expect(report.suite).toBe("test splits, 1 photos a dataset (seed 7)");
    expect(report.notes.slice(0, 2)).toEqual([
      "Only 1 photos of each dataset: not comparable with a full run.",
      "2 sampling steps.",
    ]);
    expect(report.rows[0]!.n).toBe(1);
  });

  it("scores an instruction that was not understood as an empty answer and counts it", async () => {
    const predictor: Predictor = {
      async perceive(image, _instruction) {
        if (image.data[0] === 0) throw new InstructCvError("instruction", "What?");
        return emptyAnswer(image.data[0] === 1 ? "depth" : "segmentation", image);
      },
    };
    const report = await run("segmentation", { predictor });
    expect(report.rows[0]).toMatchObject({ value: 0, n: 4 });
    expect(report.notes).toContain("4 of 8 instructions were taken for another task: scored as empty.");
  });

  it("passes other failures on, and stops when told to", async () => {
    const broken: Predictor = { perceive: () => Promise.reject(new Error("no memory")) };
    await expect(run("segmentation", { predictor: broken })).rejects.toThrow("no memory");
    const controller = new AbortController();
    const states: EvaluationProgress[] = [];
    const stopped = evaluate(
      {
        dataRoot: "/nowhere",
        model: "yes",
        predictor: yesMan("detection"),
        datasets: ["voc2012"],
        tasks: ["detection"],
        photos,
      },
      (state) => {
        states.push(state);
        if (state.done === 5) controller.abort(new Error("enough"));
      },
      controller.signal,
    );
    await expect(stopped).rejects.toThrow("enough");
    expect(states[0]).toMatchObject({ dataset: "voc2012", task: "detection", done: 1, total: 24 });
    expect(states.at(-1)!.etaSeconds).toBeGreaterThan(0);
  });

  it("names what is missing", async () => {
    await expect(run("depth")).rejects.toThrow(/Nothing to ask: voc2012 have no labels for depth/);
    await expect(run("depth", { photos: undefined, datasets: undefined })).rejects.toThrow(
      /\/nowhere: expected at least one of the folders nyuv2, voc2012-animals.*found none/,
    );
  });
});
