/** From the kept runs to the numbers of docs/claims.md. What needs a run that is not there is left out and named. */
import { existsSync } from "node:fs";
import { compareRuns, readRun, reportOf } from "../../dist/evaluation/index.js";
import { ANSWERS, GUIDANCE, GUIDED_STEPS, guidanceOf, SOME_STEPS, STEPS, stepsOf } from "./plan.mjs";

const BOOTSTRAP = 1000;

/** What is quoted of each task. */
const HEADLINES = {
  depth: ["RMSE (m)", "AbsRel", "delta1"],
  segmentation: ["IoU (present classes asked)", "mIoU (all classes asked)"],
  detection: ["AP@.5 (present classes asked)", "AP@.5 (all classes asked)"],
  classification: ["balanced accuracy", "AUC, pooled"],
};
const headlines = (rows) => rows.filter(({ task, metric }) => HEADLINES[task].includes(metric));

/** Names of runs that were needed and are not there. */
export const missing = new Set();
const read = new Map();

async function runOf(name) {
  if (!existsSync(`${ANSWERS}/${name}/run.json`)) {
    missing.add(name);
    return undefined;
  }
  if (!read.has(name)) read.set(name, readRun(`${ANSWERS}/${name}`));
  return read.get(name);
}

const only = (run, keeps) => ({ ...run, records: run.records.filter(keeps) });
const everything = () => true;

/** @returns rows of first minus second, paired; under a title */
async function compared(first, second, keeps = everything, title = `${first}, ${second}`) {
  const [a, b] = [await runOf(first), await runOf(second)];
  if (!a || !b) return [];
  const { rows } = compareRuns(only(a, keeps), only(b, keeps), { bootstrap: BOOTSTRAP });
  return headlines(rows).map((row) => ({ title, first, second, ...row }));
}

/** @returns rows with an interval each; under the name of a series */
async function measured(name, series, keeps = everything, more = {}) {
  const run = await runOf(name);
  if (!run) return [];
  const { rows } = reportOf(only(run, keeps), { bootstrap: BOOTSTRAP });
  return headlines(rows)
    .filter(({ value }) => value !== null)
    .map((row) => ({ series, ...more, ...row }));
}

/** Answers to unseen wordings against those to templates: the questions are the same. */
async function unseenAgainstTemplate(name) {
  const run = await runOf(name);
  if (!run) return [];
  const worded = (wording) => ({
    head: { ...run.head, wordings: ["unseen"] },
    records: run.records
      .filter((record) => record.wording === wording)
      .map((record) => ({ ...record, wording: "unseen" })),
  });
  const { rows } = compareRuns(worded("unseen"), worded("template"), { bootstrap: BOOTSTRAP });
  const title = name === "one" ? "rephrased prompts" : "fixed prompts";
  return headlines(rows).map((row) => ({ title, first: "unseen", second: "template", ...row }));
}

const each = async (items, find) => {
  const rows = [];
  for (const item of items) rows.push(...(await find(item)));
  return rows;
};

const isHeldOut = ({ category }) => category === "cow" || category === "horse";
const isAnswer = ({ category, task }) => category !== null || task === "depth";
const tasks = ["segmentation", "detection", "depth", "classification"];

/** Each claim's rows, by the names that tables.mjs prints them under. */
export const find = {
  generalist: () => each(tasks, (task) => compared("one", `only-${task}`, (record) => record.task === task, task)),
  prompts: () => compared("one", "fixed"),
  wording: () => each(["one", "fixed"], unseenAgainstTemplate),
  datasets: async () => [
    ...(await measured("one-voc", "VOC val")),
    ...(await measured("one-coco", "COCO val")),
    ...(await measured("one-coco-train", "COCO train")),
    ...(await measured("one-camvid", "CamVid")),
  ],
  heldOut: () => compared("held-out", "one-voc", isHeldOut),
  heldOutAlone: () => measured("held-out", "held-out", isHeldOut),
  others: () => compared("held-out", "one-voc", (record) => isAnswer(record) && !isHeldOut(record)),
  steps: () => each(STEPS, (steps) => measured(stepsOf("diffusion", steps), "diffusion", everything, { steps })),
  timesteps: () => compared("one", stepsOf("diffusion", 1)),
  stepsAgainstOne: () =>
    each(STEPS.slice(1), (steps) =>
      compared(
        stepsOf("diffusion", steps),
        stepsOf("diffusion", 1),
        everything,
        `${steps} ${steps === 1 ? "step" : "steps"}`,
      ),
    ),
  guidance: () =>
    each(GUIDANCE, ([text, image]) =>
      measured(
        text === 1 && image === 1 ? stepsOf("diffusion", GUIDED_STEPS) : guidanceOf([text, image]),
        `${text}, ${image}`,
      ),
    ),
  guidanceAgainstNone: () =>
    each(GUIDANCE.slice(1), (scales) =>
      compared(guidanceOf(scales), stepsOf("diffusion", GUIDED_STEPS), everything, scales.join(", ")),
    ),
  predictions: () =>
    each(["diffusion", "velocity", "velocity-leak", "noise"], (model) =>
      each(SOME_STEPS, (steps) => measured(stepsOf(model, steps), model, everything, { steps })),
    ),
  terminal: () =>
    each(SOME_STEPS, (steps) =>
      compared(
        stepsOf("velocity", steps),
        stepsOf("velocity-leak", steps),
        everything,
        `${steps} ${steps === 1 ? "step" : "steps"}`,
      ),
    ),
  outlines: () => compared("one-float32", "codecs", (record) => record.task === "detection"),
  depthGreys: () => compared("one-float32", "codecs", (record) => record.task === "depth"),
  again: () => measured("one-float32", "one-float32"),
  cuts: () => compared("one", "one-half"),
  ceilings: () =>
    each(["ceiling-broad", "ceiling-thin", "ceiling-masks", "ceiling-linear", "ceiling-log"], (name) =>
      measured(name, name.replace("ceiling-", "")),
    ),
};
