/**
 * What the codecs themselves lose at the model's size: the true labels, drawn at 64 pixels and read back, scored as answers; and masks cut
 * at one half in place of where their overlap is expected to be largest. Runs as those of `instructcv eval --out`.
 */
import { askModel, runEvaluation, writeRun } from "../../dist/evaluation/index.js";
import { resizePicture } from "../../dist/image/io.js";
import { load } from "../../dist/index.js";
import { toFloatPicture } from "../../dist/tasks/codec.js";
import { getTask } from "../../dist/tasks/registry.js";

const SIDE = 64;
const square = { width: SIDE, height: SIDE };
const yesNo = {
  positive: { name: "green", rgb: [0, 255, 0] },
  negative: { name: "red", rgb: [255, 0, 0] },
};

/** Draws the truth of a question and reads it back. */
const drawsTruth = (style) => ({
  async respond({ picture, question }) {
    const { task: name, category, truth, present, size } = question;
    const task = getTask(name, style);
    const image = await resizePicture(picture, square);
    const slots = { category, ...(name === "classification" && yesNo) };
    const label = labelOf(name, truth, present, size);
    const fitted = task.transformLabel(label, [0, 0, size.width, size.height], square, false);
    const drawn = toFloatPicture(task.encode(fitted, image, slots));
    return { answer: task.decode(drawn, image, slots, size) };
  },
});

function labelOf(task, truth, present, { width, height }) {
  if (task === "classification") return { task, present };
  if (task === "detection") return { task, width, height, boxes: truth.boxes.map(({ xyxy }) => xyxy) };
  if (task === "depth") return { task, width, height, metres: truth.metres };
  // What nobody labelled is nothing: the grey it is drawn in for training would be read as a doubtful mask.
  return { task, width, height, mask: truth.mask.map((value) => (value === 1 ? 1 : 0)) };
}

const base = { suite: "mini", labelMaps: false, wordings: ["template"], limit: 150 };

/** @param {string} dataRoot @param {string} answers folder of the runs */
export async function writeCeilings(dataRoot, answers, known) {
  const styles = {
    "ceiling-broad": { style: { box_outline: 0.2 }, tasks: ["detection"] },
    "ceiling-thin": { style: { box_outline: null }, tasks: ["detection"] },
    "ceiling-masks": { style: { box_outline: null }, tasks: ["segmentation"] },
    "ceiling-linear": { style: { box_outline: null, depth_grey: "linear" }, tasks: ["depth"] },
    "ceiling-log": { style: { box_outline: null, depth_grey: "log" }, tasks: ["depth"] },
  };
  for (const [name, { style, tasks }] of Object.entries(styles)) {
    if (known(name)) continue;
    const datasets = ["nyuv2", "voc2012", "oxford-pets"];
    const run = await runEvaluation({ ...base, dataRoot, tasks, datasets, respondent: drawsTruth(style), model: name });
    await writeRun(`${answers}/${name}`, run);
  }
}

/** The model's own masks, cut at one half. */
export async function writeHalves(dataRoot, answers, folder) {
  const model = await load(folder, { threads: 1 });
  try {
    const asked = askModel({ perceive: async (...query) => cutAtHalf(await model.perceive(...query)) }, { seed: 0 });
    const options = { ...base, dataRoot, tasks: ["segmentation"], datasets: ["voc2012"] };
    const run = await runEvaluation({ ...options, respondent: asked, model: "one-half" });
    await writeRun(`${answers}/one-half`, run);
  } finally {
    await model.close();
  }
}

const cutAtHalf = (answer) => ({ ...answer, mask: Uint8Array.from(answer.probability, (p) => (p >= 0.5 ? 1 : 0)) });
