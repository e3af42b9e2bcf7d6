#!/usr/bin/env node
/**
 * `npm run parity:sd [-- --json]`: the largest differences from diffusers and transformers at Stable Diffusion 1.5's full size,
 * with random weights. Makes the Python environment and the checkpoint when they are absent. Exit code 1 beyond a bound.
 *
 * --json         one line of JSON instead of a table
 * --dir DIR      another checkpoint in diffusers layout; a released one too (default: runs/sd15-random, made when absent)
 * --size small   a thin network of the same architecture: tries the script in seconds
 * --side N       of the pictures, a multiple of 64 (default: 256, small: 64)
 * --threads N    (default: 2)
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { readCheckpoint } from "../../dist/checkpoints/folder.js";
import { makeSchedule } from "../../dist/diffusion/schedule.js";
import { ConditionedNetwork } from "../../dist/inference/conditioned-network.js";
import { Latents } from "../../dist/inference/latents.js";
import { LoadedModel } from "../../dist/inference/model.js";
import { SessionCache } from "../../dist/inference/session-cache.js";
import { Texts } from "../../dist/inference/texts.js";
import { ClipTokenizer } from "../../dist/models/tokenizer.js";
import { largestDifference, pixels } from "./difference.mjs";
import { linkedFolder } from "./linked-folder.mjs";
import { oraclePython, randomCheckpoint, runOracle } from "./oracle.mjs";
import { readReferences } from "./references.mjs";

/** Largest absolute error that passes, and of what. */
const BOUNDS = {
  text_encoder: { bound: 1e-4, what: "text states, variance about 1" },
  vae_encode: { bound: 1e-3, what: "posterior mode, unscaled: standard deviation about 5.5" },
  vae_decode: { bound: 2e-4, what: "picture, black -1 to white 1, not clipped" },
  unet: { bound: 2e-4, what: "predicted noise, variance about 1" },
  pipeline: { bound: 1 / 255, what: "picture, black 0 to white 1, not clipped: one step of 8 bits" },
};

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    dir: { type: "string" },
    size: { type: "string", default: "full" },
    side: { type: "string" },
    threads: { type: "string", default: "2" },
  },
});
const threads = Number(options.threads);
const side = Number(options.side ?? (options.size === "small" ? 64 : 256));
const scratch = mkdtempSync(path.join(tmpdir(), "instructcv-parity-"));
const folders = [];
try {
  const python = oraclePython();
  const dir = randomCheckpoint(python, { ...options, threads });
  const file = path.join(scratch, "references.safetensors");
  console.error("diffusers computes the references");
  runOracle(python, "references", dir, file, "--side", `${side}`, "--threads", `${threads}`);
  const references = await readReferences(file);
  const errors = { ...(await partErrors(dir, references)), pipeline: await pipelineErrors(dir, references.pipeline) };
  report(errors, references);
} finally {
  for (const folder of [scratch, ...folders]) rmSync(folder, { recursive: true, force: true });
}

/** The parts alone, each given the reference's inputs. */
async function partErrors(dir, { text, encode, decode, unet }) {
  const folder = await readCheckpoint(dir);
  const tokenizer = await ClipTokenizer.fromFiles(path.dirname(folder.tokenizer.vocabPath));
  const sessions = new SessionCache(threads, 20);
  const texts = new Texts(folder, tokenizer, sessions);
  const latents = new Latents(folder, sessions);
  const network = new ConditionedNetwork(folder, tokenizer.maxLength, sessions);
  const errors = { text_encoder: [], vae_encode: [], vae_decode: [], unet: [] };

  for (const one of text) {
    const ids = tokenizer.encode(one.sentence);
    if (largestDifference(ids, one.tensor("ids").data) !== 0) throw new Error(`other tokens: "${one.sentence}"`);
    errors.text_encoder.push(largestDifference((await texts.states(one.sentence)).data, one.tensor("states").data));
  }
  for (const one of encode)
    errors.vae_encode.push(largestDifference(await latents.encode(one.photo()), one.tensor("latents").data));
  for (const one of decode) {
    const { data, shape } = one.tensor("picture");
    const { data: drawn } = await latents.decode(one.tensor("latents").data, { width: shape[3], height: shape[2] });
    errors.vae_decode.push(2 * largestDifference(drawn, pixels(data)));
  }
  for (const one of unet) {
    const noisy = one.tensor("noisy");
    const [, , height, width] = noisy.shape;
    const outputs = await network.predict({
      noisy: noisy.data,
      timestep: one.timestep,
      conditions: one.conditions,
      image: one.tensor("image").data,
      text: one.tensor("text"),
      empty: one.tensor("empty"),
      size: { width, height },
      schedule: makeSchedule(folder.scheduler),
    });
    const { data } = one.tensor("prediction");
    errors.unet.push(largestDifference(Float32Array.from(outputs.flatMap((output) => [...output])), data));
  }
  await sessions.close();
  return errors;
}

/** Photo and sentence to drawing, with the reference's noise. */
async function pipelineErrors(dir, cases) {
  const errors = [];
  for (const one of cases) {
    const { steps, guidance, sampler, scheduler } = one;
    const folder = linkedFolder(dir, { defaults: { resolution: side }, scheduler });
    folders.push(folder);
    const model = await LoadedModel.open(folder, { threads });
    const { data: noise } = one.tensor("noise");
    let next = 0;
    const { drawn } = await model.draw(one.photo(), one.sentence, {
      steps,
      seed: 0,
      guidance,
      sampler,
      noise: () => noise[next++],
    });
    await model.close();
    errors.push(largestDifference(drawn.data, pixels(one.tensor("picture").data)));
  }
  return errors;
}

function report(errors, references) {
  const largest = Object.fromEntries(Object.entries(errors).map(([part, all]) => [part, Math.max(...all)]));
  const passed = Object.entries(BOUNDS).every(([part, { bound }]) => largest[part] <= bound);
  process.exitCode = passed ? 0 : 1;
  if (options.json) {
    const bounds = Object.fromEntries(Object.entries(BOUNDS).map(([part, { bound }]) => [part, bound]));
    console.log(JSON.stringify({ ...largest, bounds, passed, size: options.size, side, errors }));
    return;
  }
  console.log(`Largest absolute differences from diffusers in float32, ${options.size} size, ${side} px`);
  for (const [part, { bound, what }] of Object.entries(BOUNDS)) {
    const verdict = largest[part] <= bound ? "ok" : "TOO LARGE";
    const columns = [part.padEnd(13), `${errors[part].length} cases`.padEnd(9), largest[part].toExponential(2)];
    console.log(`  ${columns.join("  ")}  bound ${bound.toExponential(2)}  ${verdict.padEnd(9)}  ${what}`);
  }
  for (const [i, one] of references.pipeline.entries())
    console.log(`  pipeline: ${one.steps} steps ${one.sampler}: ${errors.pipeline[i].toExponential(2)}`);
}
