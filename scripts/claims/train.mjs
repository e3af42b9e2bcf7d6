#!/usr/bin/env node
/** `npm run claims:train`: makes the corpora of configs/claims and trains its models, each on one core (needs `npm run setup`). */
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { runInLanes } from "./lanes.mjs";
import { recipes } from "./plan.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { jobs: { type: "string", default: "2" }, help: { type: "boolean", short: "h", default: false } },
});
const names = Object.keys(recipes);
if (values.help) {
  console.log(
    `npm run claims:train -- [--jobs 2] [model ...]\n\nTrains into runs/claims/<model>, about 20 minutes of one core and 1.3 GB each; what is trained stays, what was interrupted goes on.\n\n${names.map((name) => `  ${name.padEnd(20)} ${recipes[name]}`).join("\n")}`,
  );
  process.exit(0);
}
const unknown = positionals.find((name) => !(name in recipes));
if (unknown !== undefined) {
  console.error(`Unknown model "${unknown}". Known are ${names.join(", ")}.`);
  process.exit(2);
}
const corpora = [
  ["configs/claims/data.yaml", "corpus-claims"],
  ["configs/claims/data-held-out.yaml", "corpus-claims-held-out"],
]
  .filter(([, folder]) => !existsSync(folder))
  .map(([recipe, folder]) => ({
    name: folder,
    args: ["data", "build", recipe, "--out", folder],
    log: `runs/claims/${folder}.log`,
  }));
const trainings = (positionals.length > 0 ? positionals : names).map((name) => ({
  name,
  args: ["train", "--config", `configs/claims/${name}.yaml`, "--out", `runs/claims/${name}`, "--resume", "auto"],
  log: `runs/claims/${name}.log`,
}));
const failed = [...(await runInLanes(corpora, 1)), ...(await runInLanes(trainings, Number(values.jobs)))];
process.exit(failed.length > 0 ? 1 : 0);
