/** The suite on real photos: an oracle that answers from the labels must score near perfect, trivial answers near their known worth. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { type DatasetName, openPool } from "../src/datasets/pool.js";
import type { LabelledPhoto } from "../src/datasets/sample.js";
import { constantDepth } from "../src/evaluation/baselines.js";
import { evaluate, type Predictor, type Report } from "../src/evaluation/index.js";
import { questionsFor } from "../src/evaluation/questions.js";
import { createScorer } from "../src/evaluation/scorers.js";
import { resizePicture } from "../src/image/io.js";
import type { Picture } from "../src/image/picture.js";
import { parseInstruction } from "../src/instructions/parse.js";
import { fitLabel, toFloatPicture } from "../src/tasks/codec.js";
import { getTask } from "../src/tasks/registry.js";
import type { Label, Slots, TaskName } from "../src/tasks/task.js";

const dataRoot = resolve("../shared/data");
vi.setConfig({ testTimeout: 180_000 });
const MODEL_SIZE = { width: 128, height: 128 };

it("finds the shared data", () => {
  expect(existsSync(dataRoot), `${dataRoot} holds the photos that these tests measure`).toBe(true);
});

/** Answers from the labels, through encode at the model's size and decode back to the photo's. */
function createOracle() {
  const photoOf = new WeakMap<Picture, LabelledPhoto>();
  const small = new WeakMap<Picture, Promise<Picture>>();
  const drawnLabel = async (
    photo: LabelledPhoto,
    picture: Picture,
    task: TaskName,
    { category }: Slots,
  ): Promise<Label> => {
    const { width, height } = picture;
    if (task === "classification") return { task, present: photo.present.includes(category!) };
    if (task === "depth") return { task, width, height, metres: await photo.depth!() };
    if (task === "segmentation") {
      const mask = (await photo.masks!()).get(category!) ?? new Uint8Array(width * height);
      return { task, width, height, mask };
    }
    const boxes = (await photo.boxes!()).filter((box) => box.category === category);
    return { task, width, height, boxes: boxes.map(({ xyxy }) => xyxy) };
  };
  const predictor: Predictor = {
    async perceive(picture, instruction) {
      const { task: name, slots } = parseInstruction(instruction);
      const task = getTask(name);
      const label = await drawnLabel(photoOf.get(picture)!, picture, name, slots);
      const image = await (small.get(picture) ?? small.set(picture, resizePicture(picture, MODEL_SIZE)).get(picture)!);
      const drawn = task.encode(fitLabel(task, label, MODEL_SIZE), image, slots);
      return task.decode(toFloatPicture(drawn), image, slots, picture);
    },
  };
  const photos = async function* (dataset: DatasetName): AsyncIterable<LabelledPhoto> {
    for await (const photo of openPool(dataRoot, "test", [dataset])) {
      const image = async () => {
        const picture = await photo.image();
        photoOf.set(picture, photo);
        return picture;
      };
      yield { ...photo, image };
    }
  };
  return { predictor, photos };
}

const metricOf = (report: Report, task: TaskName, metric: string, key: "value" | "baseline" = "value") =>
  report.rows.find((row) => row.task === task && row.metric === metric)![key]!;

describe("an oracle", () => {
  it("is near perfect on VOC and Pets", async () => {
    const oracle = { ...createOracle(), model: "oracle", dataRoot, limit: 25, seed: 1 };
    for (const dataset of ["voc2012", "oxford-pets"] as const) {
      const report = await evaluate({ ...oracle, datasets: [dataset], wordings: ["unseen"] });
      expect(report.notes.join(" ")).not.toMatch(/taken for another task/);
      expect(metricOf(report, "segmentation", "IoU (present classes asked)")).toBeGreaterThan(0.95);
      expect(metricOf(report, "segmentation", "mIoU (all classes asked)")).toBeGreaterThan(0.93);
      expect(metricOf(report, "detection", "AP@.5 (all classes asked)")).toBeGreaterThan(0.75);
      expect(metricOf(report, "classification", "balanced accuracy")).toBe(1);
      expect(metricOf(report, "classification", "AUC, pooled")).toBe(1);
    }
  });

  it("is near perfect on NYUv2, and the mean depth map is not", async () => {
    const report = await evaluate({
      ...createOracle(),
      model: "oracle",
      dataRoot,
      limit: 15,
      datasets: ["nyuv2"],
      wordings: ["template"],
    });
    expect(metricOf(report, "depth", "RMSE (m)")).toBeLessThan(0.25);
    expect(metricOf(report, "depth", "delta1")).toBeGreaterThan(0.98);
    expect(metricOf(report, "depth", "RMSE (m)", "baseline")).toBeGreaterThan(0.9);
  });
});

describe("answers that never look", () => {
  it("are worth what they always were on VOC val", async () => {
    const { rows } = await evaluate({
      dataRoot,
      model: "none",
      predictor: { perceive: async () => ({ task: "classification", present: true, probability: 1 }) },
      datasets: ["voc2012"],
      wordings: ["template"],
    });
    const baseline = Object.fromEntries(rows.map((row) => [row.metric, row.baseline]));
    expect(baseline["IoU (present classes asked)"]).toBeCloseTo(0.261, 3);
    expect(baseline["AP@.5 (present classes asked)"]).toBeCloseTo(0.179, 3);
    expect(baseline["AP@.5 (all classes asked)"]).toBeCloseTo(0.053, 3);
    expect(baseline["balanced accuracy"]).toBe(0.5);
    expect(baseline["balanced accuracy, pooled"]).toBeCloseTo(0.688, 3);
  });

  it("score RMSE 0 for a constant 2.7 m on NYUv2 by the authors' evaluator, and 1.35 m in truth", async () => {
    const scorer = createScorer("depth");
    for await (const photo of openPool(dataRoot, "test", ["nyuv2"])) {
      const { width, height } = { width: 320, height: 240 };
      for (const question of await questionsFor(photo, { width, height }, ["depth"]))
        scorer.add(question, constantDepth(2.7)(question as never));
    }
    const scores = Object.fromEntries(scorer.scores().map(({ metric, value }) => [metric, value]));
    expect(scores["RMSE (m)"]).toBeCloseTo(1.351, 3);
    expect(scores["RMSE, mean over images (m)"]).toBeCloseTo(1.219, 3);
    expect(scores["paper-style RMSE (m)"]).toBe(0);
    expect(scores["paper-style delta1"]).toBe(1);
  });
});
