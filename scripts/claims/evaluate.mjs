#!/usr/bin/env node
/** `npm run claims:evaluate`: asks the models of `npm run claims:train` everything docs/claims.md needs; runs are kept in runs/claims/answers. */
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { writeCeilings, writeHalves } from "./ceilings.mjs";
import { runInLanes } from "./lanes.mjs";
import { ANSWERS, evaluations } from "./plan.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string", default: "../shared/data" },
    jobs: { type: "string", default: "2" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) {
  console.log(
    "npm run claims:evaluate -- [--data ../shared/data] [--jobs 2] [evaluation ...]\n\nAbout 40 minutes of a core. What is there already is not asked again, and models that are not trained are left out and named.",
  );
  process.exit(0);
}
const there = ({ model }) => existsSync(`runs/claims/${model}/model/model_index.json`);
const wanted = evaluations().filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const missing = [...new Set(wanted.filter((one) => !there(one)).map(({ model }) => model))];
if (missing.length > 0) console.error(`not trained: ${missing.join(", ")}`);
const commands = wanted
  .filter((one) => there(one) && !existsSync(`${ANSWERS}/${one.name}/run.json`))
  .map(({ name, model, data, args }) => ({
    name,
    args: [
      ...["eval", "--suite", "mini", "--data", data ? linked(values.data) : values.data],
      ...["--model", `runs/claims/${model}/model`, "--threads", "1", "--json", "--out", `${ANSWERS}/${name}`],
      ...["--cache", `runs/claims/kept/${model}`, ...args],
    ],
    log: `${ANSWERS}/${name}.log`,
  }));
const failed = await runInLanes(commands, Number(values.jobs));
if (positionals.length === 0) {
  const known = (name) => existsSync(`${ANSWERS}/${name}/run.json`);
  await writeCeilings(values.data, ANSWERS, known);
  if (there({ model: "one" }) && !known("one-half")) await writeHalves(values.data, ANSWERS, "runs/claims/one/model");
}
process.exit(failed.length > 0 ? 1 : 0);

/** A data folder whose COCO "val2017" is train2017: the models of configs/claims were not trained on it, and it has more photos. */
function linked(data) {
  const folder = "runs/claims/coco-train";
  if (existsSync(folder)) return folder;
  mkdirSync(`${folder}/coco/annotations`, { recursive: true });
  symlinkSync(resolve(data, "coco/train2017"), `${folder}/coco/val2017`);
  const annotations = "coco/annotations/instances_train2017.json";
  symlinkSync(resolve(data, annotations), `${folder}/coco/annotations/instances_val2017.json`);
  return folder;
}
