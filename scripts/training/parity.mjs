#!/usr/bin/env node
/**
 * `npm run parity:train [-- --json]`: 20 updates of a tiny random model, here and in Python by diffusers' InstructPix2Pix step on the same
 * batches, noise, timesteps and dropout. Prints the largest differences of losses, gradient norms, and weights and averages
 * afterwards. Makes the Python environment when it is absent. Exit code 1 beyond 1e-5.
 *
 * --json          one line of JSON instead of a table
 * --cases A,B     of epsilon, v_prediction, lora (default: the first two; lora needs peft >= 0.20 in that Python)
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { oraclePython, root } from "../sd/oracle.mjs";

const bound = 1e-5;
const { values: options } = parseArgs({
  options: { json: { type: "boolean", default: false }, cases: { type: "string", default: "epsilon,v_prediction" } },
});
const cases = options.cases.split(",");
const scratch = mkdtempSync(path.join(tmpdir(), "instructcv-parity-train-"));
try {
  const inputs = path.join(scratch, "inputs");
  const peer = path.join(scratch, "peer");
  typescript("tests/helpers/dump-pix2pix.ts", inputs);
  must(oraclePython(), path.join(root, "scripts/oracles/training_instruct_pix2pix.py"), inputs, peer, ...cases);
  const result = path.join(scratch, "gaps.json");
  typescript("tests/helpers/compare-pix2pix.ts", path.join(inputs, "start"), peer, result, ...cases);
  report(JSON.parse(readFileSync(result, "utf8")));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function report(gaps) {
  const passed = gaps.every(({ case: _, ...of }) => Object.values(of).every((gap) => gap < bound));
  if (options.json) console.log(JSON.stringify({ bound, passed, gaps }));
  else {
    console.table(Object.fromEntries(gaps.map(({ case: name, ...of }) => [name, of])));
    console.log(passed ? `all below ${bound}` : `beyond ${bound}`);
  }
  process.exitCode = passed ? 0 : 1;
}

/** Our side, straight from the sources; it needs the libtorch binding (`npm run setup`). */
function typescript(file, ...args) {
  must(process.execPath, path.join(root, "node_modules/vite-node/vite-node.mjs"), path.join(root, file), ...args);
}

/** Its output goes to stderr, so that stdout is the report's. */
function must(command, ...args) {
  const env = { ...process.env, TRANSFORMERS_VERBOSITY: "error", DIFFUSERS_VERBOSITY: "error", HF_HUB_OFFLINE: "1" };
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", 2, 2], env, cwd: root });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? `exit code ${status}`}`);
}
