#!/usr/bin/env node
/**
 * `npm run parity:coco [-- --json]`: COCO's AP and AR here and by pycocotools, over the real COCO annotations with results made from
 * them by random perturbation, and over random cases with equal scores, crowds, empty images, boxes of no area and an annotation 0.
 * Ours reads their files, and pycocotools scores the results as we write them. Needs pycocotools in .venv. Exit code 1 beyond 1e-9.
 *
 * --json          one line of JSON instead of a table
 * --data DIR      folder with coco/annotations (default ../shared/data)
 * --random N      random cases (default 300)
 * --seed S        of results and random cases (default 0)
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const bound = 1e-9;
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const python = path.join(root, ".venv/bin/python");
const peer = path.join(root, "scripts/metrics/coco_peer.py");
const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    data: { type: "string", default: path.join(root, "../shared/data") },
    random: { type: "string", default: "300" },
    seed: { type: "string", default: "0" },
  },
});
for (const needed of [python, path.join(options.data, "coco/annotations")])
  if (!existsSync(needed)) throw new Error(`${needed} is missing`);
if (spawnSync(python, ["-c", "import pycocotools"]).status !== 0)
  throw new Error(`${python}: install pycocotools there: ${python} -m pip install pycocotools==2.0.11`);

const scratch = mkdtempSync(path.join(tmpdir(), "instructcv-parity-coco-"));
try {
  const cases = path.join(scratch, "cases");
  run(python, peer, "make", cases, "--data", options.data, "--random", options.random, "--seed", options.seed);
  const file = path.join(scratch, "gaps.json");
  const helper = path.join(root, "tests/helpers/compare-coco.ts");
  run(process.execPath, path.join(root, "node_modules/vite-node/vite-node.mjs"), helper, cases, file);
  const back = JSON.parse(run(python, peer, "check", cases));
  report(JSON.parse(readFileSync(file, "utf8")), back.largest);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function report(gaps, back) {
  const groups = {};
  for (const gap of gaps) {
    const name = gap.case.startsWith("random") ? `random, ${gap.iouType}` : gap.case;
    groups[name] ??= [];
    groups[name].push(gap);
  }
  const most = (all, key) => Math.max(0, ...all.flatMap((gap) => gap[key] ?? []));
  const keys = ["summary", "precision", "recall", "scores", "summaryWithoutId0"];
  const rows = Object.entries(groups).map(([name, all]) => ({
    cases: name,
    count: all.length,
    ...Object.fromEntries(keys.map((key) => [key, most(all, key)])),
  }));
  const largest = Math.max(back, ...keys.map((key) => most(gaps, key)));
  const passed = largest < bound;
  const zeroIdCosts = most(gaps, "zeroIdCosts");
  if (options.json)
    console.log(JSON.stringify({ bound, passed, largest, pycocotoolsOnOurFiles: back, zeroIdCosts, rows }));
  else {
    console.table(rows);
    console.log(`pycocotools on the results that we write: ${back}`);
    console.log(`what an annotation with id 0 costs in pycocotools: up to ${zeroIdCosts.toFixed(3)} of one number`);
    console.log(`largest difference ${largest}: ${passed ? "below" : "beyond"} ${bound}`);
  }
  process.exitCode = passed ? 0 : 1;
}

/** Its output, errors apart. */
function run(command, ...args) {
  const { status, error, stdout } = spawnSync(command, args, {
    stdio: ["ignore", "pipe", 2],
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? `exit code ${status}`}`);
  return stdout;
}
