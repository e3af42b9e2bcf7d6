/** The Python side of parity:sd and bench:sd: its virtual environment, and the checkpoint that it makes. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const scripts = path.join(root, "scripts/sd");
const modules = "accelerate, diffusers, numpy, PIL, safetensors, torch, transformers";

/** Path of a Python that has torch and diffusers: that of `venv`, which is made when it is absent. Takes minutes then. */
export function oraclePython(venv = path.join(root, ".venv")) {
  const python = path.join(venv, "bin/python");
  const has = () => existsSync(python) && spawnSync(python, ["-c", `import ${modules}`]).status === 0;
  if (has()) return python;
  console.error(`${venv} has not all of ${modules}: installing (once, some minutes)`);
  if (!existsSync(python)) must("python3", ["-m", "venv", venv]);
  const pip = (...args) => must(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...args]);
  // First and by its version: as a dependency of the others it would be the newest, with whatever that needs.
  pip("torch==2.13.0");
  pip("-r", path.join(scripts, "requirements.txt"));
  if (!has()) throw new Error(`${venv} still cannot import all of ${modules}`);
  return python;
}

/** Runs scripts/sd/<name>.py to its end; its output goes to stderr, so that stdout stays the caller's. */
export function runOracle(python, name, ...args) {
  must(python, [path.join(scripts, `${name}.py`), ...args]);
}

/** The checkpoint of this size, made when it is absent: 4.3 GB and about two minutes for the full one. Returns its folder. */
export function randomCheckpoint(python, { dir, size, threads }) {
  const folder = path.resolve(dir ?? path.join(root, "runs", size === "full" ? "sd15-random" : "sd-small-random"));
  if (!existsSync(path.join(folder, "model_index.json"))) console.error(`making ${folder}`);
  runOracle(python, "make_checkpoint", folder, "--size", size, "--threads", `${threads}`);
  return folder;
}

function must(command, args) {
  const env = { ...process.env, TRANSFORMERS_VERBOSITY: "error", DIFFUSERS_VERBOSITY: "error", HF_HUB_OFFLINE: "1" };
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", 2, 2], env });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? `exit code ${status}`}`);
}
