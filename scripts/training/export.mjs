#!/usr/bin/env node
/**
 * `npm run parity:export [-- --json]`: tiny models are trained by the command line, and diffusers, transformers and peft open what it wrote:
 * StableDiffusionInstructPix2PixPipeline of a float32, a float16 and a merged LoRA run, the adapter alone on its base model, tokenizers and text
 * encoders, and the UNet of a model as models/nano. Prints the largest differences of their answers from ours. Exit code 1 beyond a bound.
 * Needs `npm run build` and `npm run setup`; makes the Python environment when it is absent. About two minutes.
 *
 * --json       one line of JSON instead of a table
 * --keep DIR   leave runs and references in this folder, which must not exist
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { readCheckpoint } from "../../dist/checkpoints/folder.js";
import { LoadedModel } from "../../dist/inference/model.js";
import { textNetwork, unetNetwork } from "../../dist/inference/networks.js";
import { ClipTokenizer } from "../../dist/models/tokenizer.js";
import { encodeModel } from "../../dist/tensor/onnx/proto.js";
import { openSession } from "../../dist/tensor/onnx/session.js";
import { largestDifference, pixels } from "../sd/difference.mjs";
import { oraclePython, root } from "../sd/oracle.mjs";
import { readReferences } from "../sd/references.mjs";

/** Largest absolute error that passes, and of what. */
const BOUNDS = {
  pipeline: { bound: 1 / 255, what: "picture, black 0 to white 1, not clipped" },
  text: { bound: 1e-4, what: "text states, variance about 1; token ids must be equal" },
  unet: { bound: 1e-4, what: "prediction of a model as models/nano" },
};
const runs = ["float32", "float16", "lora", "small"];

const { values: options } = parseArgs({
  options: { json: { type: "boolean", default: false }, keep: { type: "string" } },
});
const scratch = options.keep ? path.resolve(options.keep) : mkdtempSync(path.join(tmpdir(), "instructcv-export-"));
try {
  if (options.keep) mkdirSync(scratch);
  must(process.execPath, "node_modules/vite-node/vite-node.mjs", "tests/helpers/dump-export.ts", scratch);
  const at = (name) => path.join(scratch, name);
  for (const run of runs)
    must(process.execPath, "dist/cli/main.js", "train", "--config", at(`${run}.yaml`), "--out", at(run));
  must(oraclePython(), "scripts/oracles/export.py", scratch, at("references.safetensors"));
  const references = await readReferences(at("references.safetensors"));
  report(
    await rows(references.pipeline, pipelineError),
    await rows(references.text, textError),
    await rows(references.unet, unetError),
  );
} finally {
  if (!options.keep) rmSync(scratch, { recursive: true, force: true });
}

async function rows(cases, error) {
  const found = [];
  for (const one of cases) found.push({ part: one.name.replace(/\d+$/, ""), ...(await error(one)) });
  return found;
}

/** Photo and sentence to drawing by the folder's own sampler, with the noise that Python drew. */
async function pipelineError({ folder, lora, steps, guidance, sentence, ...one }) {
  const loras = lora ? [{ path: path.join(scratch, lora), weight: 1 }] : [];
  const model = await LoadedModel.open(path.join(scratch, folder), { threads: 1, loras });
  const { data: noise } = one.tensor("noise");
  let next = 0;
  const draw = { steps, guidance, seed: 0, sampler: model.sampler, noise: () => noise[next++] };
  const { drawn } = await model.draw(one.photo(), sentence, draw);
  await model.close();
  const what = `${folder}${lora ? ` + ${lora}` : ""}, ${steps} steps ${model.sampler}`;
  return { what, error: largestDifference(drawn.data, pixels(one.tensor("picture").data)) };
}

async function textError({ run, sentence, ...one }) {
  const folder = await readCheckpoint(path.join(scratch, run, "model"));
  const tokenizer = await ClipTokenizer.fromFiles(path.dirname(folder.tokenizer.vocabPath));
  const ids = tokenizer.encode(sentence);
  const same = largestDifference(ids, one.tensor("ids").data) === 0;
  const inputs = { ids: { data: BigInt64Array.from(ids, BigInt), shape: [1, ids.length] } };
  const { states } = await runNetwork(textNetwork(folder, ids.length), inputs);
  const what = `${run}: "${sentence.slice(0, 30)}"`;
  return { what, error: same ? largestDifference(states.data, one.tensor("states").data) : Number.NaN };
}

async function unetError({ run, timestep, ...one }) {
  const folder = await readCheckpoint(path.join(scratch, run, "model"));
  const [noisy, image, states] = ["noisy", "image", "states"].map(one.tensor);
  const [, , height, width] = noisy.shape;
  const network = unetNetwork(folder, { width, height }, states.shape[1], 1);
  const inputs = { noisy, image, states, timestep: { data: Float32Array.of(timestep), shape: [1] } };
  const { prediction } = await runNetwork(network, inputs);
  return { what: `${run}, t = ${timestep}`, error: largestDifference(prediction.data, one.tensor("prediction").data) };
}

async function runNetwork({ graph, weightsFolder }, inputs) {
  const session = await openSession(encodeModel(graph), { weightsFolder, threads: 1 });
  const outputs = await session.run(inputs);
  await session.close();
  return outputs;
}

function report(...parts) {
  const cases = parts.flat();
  const largest = Object.fromEntries(
    Object.keys(BOUNDS).map((name) => [
      name,
      Math.max(...cases.filter(({ part }) => part === name).map((c) => c.error)),
    ]),
  );
  const passed = Object.entries(BOUNDS).every(([part, { bound }]) => largest[part] <= bound);
  process.exitCode = passed ? 0 : 1;
  if (options.json) {
    const bounds = Object.fromEntries(Object.entries(BOUNDS).map(([part, { bound }]) => [part, bound]));
    console.log(JSON.stringify({ ...largest, bounds, passed, cases }));
    return;
  }
  console.log(
    "Largest absolute differences of Python's answers from ours, of the folders that `instructcv train` wrote",
  );
  for (const { part, what, error } of cases) console.log(`  ${part.padEnd(8)}  ${error.toExponential(2)}  ${what}`);
  for (const [part, { bound, what }] of Object.entries(BOUNDS)) {
    const verdict = largest[part] <= bound ? "ok" : "TOO LARGE";
    console.log(
      `${part.padEnd(8)}  ${largest[part].toExponential(2)}  bound ${bound.toExponential(2)}  ${verdict}  ${what}`,
    );
  }
}

/** Its output goes to stderr, so that stdout is the report's. */
function must(command, ...args) {
  const quiet = { TRANSFORMERS_VERBOSITY: "error", DIFFUSERS_VERBOSITY: "error", HF_HUB_DISABLE_PROGRESS_BARS: "1" };
  const env = { ...process.env, ...quiet, HF_HUB_OFFLINE: "1" };
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", 2, 2], env, cwd: root });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? `exit code ${status}`}`);
}
