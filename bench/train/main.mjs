#!/usr/bin/env node
/**
 * `npm run bench:train [-- --json]`: updates of this trainer beside PyTorch's and diffusers' training script, in one run and taking turns,
 * each in a process of its own: the small model's recipe, and Stable Diffusion 1.5 at 256 px, batch 1, with activation checkpointing.
 * Makes the Python environment and a checkpoint with random weights when they are absent. SD needs about 20 GB of memory.
 *
 * --json           one line of JSON instead of tables
 * --models A,B     of nano, sd (default: both)
 * --size small     a thin network in place of Stable Diffusion: tries the script in a minute
 * --dtypes A,B     of float32, bfloat16 (default: both)
 * --rounds N       starts of every engine (default: 3)
 * --updates N      timed in each, after one that is not (default: 3; nano four times as many)
 * --threads N      (default: all cores)
 */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { oraclePython, randomCheckpoint } from "../../scripts/sd/oracle.mjs";
import { prepare } from "./prepare.mjs";
import { printTables, summary } from "./summary.mjs";
import { takeTurns } from "./turns.mjs";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    models: { type: "string", default: "nano,sd" },
    size: { type: "string", default: "full" },
    dtypes: { type: "string", default: "float32,bfloat16" },
    rounds: { type: "string", default: "3" },
    updates: { type: "string", default: "3" },
    threads: { type: "string", default: `${availableParallelism()}` },
  },
});
const [rounds, updates, threads] = [options.rounds, options.updates, options.threads].map(Number);
const python = oraclePython();
const scratch = mkdtempSync(path.join(tmpdir(), "instructcv-bench-"));
try {
  const models = options.models.split(",");
  const init = models.includes("sd") ? randomCheckpoint(python, { ...options, threads }) : null;
  const tables = [];
  for (const { name, engines, ...settings } of prepare({
    scratch,
    python,
    init,
    threads,
    models,
    dtypes: options.dtypes.split(","),
  })) {
    console.error(name);
    const each = name.startsWith("nano") ? 4 * updates : updates;
    const measured = await takeTurns(engines, { rounds, updates: each, threads });
    tables.push(summary({ name, ...settings, updates: each }, measured));
  }
  const machine = { processor: cpus()[0]?.model ?? "unknown", cores: availableParallelism(), threads, rounds };
  if (options.json) console.log(JSON.stringify({ machine, tables }));
  else printTables(machine, tables);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
