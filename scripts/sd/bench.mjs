#!/usr/bin/env node
/**
 * `npm run bench:sd [-- --json]`: this package beside diffusers in float32 and bfloat16, in one run and taking turns, each in a process
 * of its own: the same weights, photos, size, steps and threads. Makes the Python environment and the checkpoint when they are absent.
 *
 * --json         one line of JSON instead of tables
 * --dir DIR      another checkpoint in diffusers layout (default: runs/sd15-random, random weights, made when absent)
 * --size small   a thin network of the same architecture: tries the script in seconds
 * --side N       of the pictures, pixels (default: 256, small: 64)
 * --steps N      (default: 3)
 * --threads N    (default: 2)
 * --rounds N     pictures of each engine after its first one (default: 3)
 * --no-cold      leaves out loading with the files out of the page cache
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { encodePng, readPicture, resizePicture } from "../../dist/image/io.js";
import { EngineProcess } from "./engine-process.mjs";
import { oraclePython, randomCheckpoint, root, runOracle } from "./oracle.mjs";
import { printTables, summary } from "./summary.mjs";
import { work } from "./work.mjs";

const { values: options } = parseArgs({
  allowNegative: true,
  options: {
    json: { type: "boolean", default: false },
    dir: { type: "string" },
    size: { type: "string", default: "full" },
    side: { type: "string" },
    steps: { type: "string", default: "3" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "3" },
    cold: { type: "boolean", default: true },
  },
});
const [threads, steps, rounds] = [options.threads, options.steps, options.rounds].map(Number);
const side = Number(options.side ?? (options.size === "small" ? 64 : 256));
const guidance = { text: 7.5, image: 1.5 };
/** One a round: what an engine remembers of a sentence or a photo must not stand for work. */
const sentences = ["Detect the person", "Segment the cat", "Estimate the depth of this image", "Detect the dog"];

const python = oraclePython();
const dir = randomCheckpoint(python, { ...options, threads });
const scratch = mkdtempSync(path.join(tmpdir(), "instructcv-bench-"));
const engines = new Map();
try {
  const photos = await preparePhotos();
  const commands = engineCommands();
  const cold = options.cold ? await coldStarts(commands, photos) : {};
  const measured = await takeTurns(commands, photos);
  const result = summary({
    settings: { dir, size: options.size, side, steps, threads, rounds, guidance, evaluations: 3 * steps },
    machine: { processor: cpus()[0]?.model ?? "unknown", cores: availableParallelism() },
    operations: await work(dir, side),
    cold,
    ...measured,
  });
  if (!commands.has("ours_int8"))
    result.int8 = `not measured: make it with npx instructcv quantize ${dir} --photos PHOTOS --autoencoder`;
  if (options.json) console.log(JSON.stringify(result));
  else printTables(result);
} finally {
  for (const engine of engines.values()) await engine.close();
  rmSync(scratch, { recursive: true, force: true });
}

/** The example photos at the size that is drawn, so that no engine resizes them. */
function preparePhotos() {
  return Promise.all(
    ["cat", "dog"].map(async (name) => {
      const photo = await readPicture(path.join(root, `examples/${name}.jpg`));
      const file = path.join(scratch, `${name}.png`);
      writeFileSync(file, await encodePng(await resizePicture(photo, { width: side, height: side })));
      return file;
    }),
  );
}

function engineCommands() {
  const here = (name) => path.join(root, "scripts/sd", name);
  const ours = (precision) => [process.execPath, [here("engine-ours.mjs"), dir, precision, `${side}`, `${threads}`]];
  const diffusers = (dtype) => [python, [here("engine_diffusers.py"), dir, dtype, `${threads}`]];
  const commands = new Map([
    ["ours", ours("float32")],
    ["diffusers", diffusers("float32")],
    ["diffusers_bf16", diffusers("bfloat16")],
  ]);
  if (existsSync(path.join(dir, "unet/int8.safetensors"))) commands.set("ours_int8", ours("int8"));
  return commands;
}

/** Start and first picture with the checkpoint's files out of the page cache. */
async function coldStarts(commands, photos) {
  const starts = {};
  for (const name of ["ours", "diffusers"]) {
    console.error(`${name}: from the disk`);
    runOracle(python, "drop_cache", dir);
    await start(name, commands);
    const first = await draw(name, photos, 0);
    const engine = engines.get(name);
    starts[name] = {
      start: engine.ready.start,
      load: engine.ready.load,
      first: first.seconds,
      read: engine.readFromDisk,
    };
    await engine.close();
    engines.delete(name);
  }
  return starts;
}

/** Every engine's start, first picture and `rounds` more, and the rate of a matrix product in it. */
async function takeTurns(commands, photos) {
  const names = [...commands.keys()];
  const draws = Object.fromEntries(names.map((name) => [name, []]));
  const rates = { ours: [], diffusers: [] };
  for (const name of names) {
    console.error(`${name}: starts`);
    await start(name, commands);
    draws[name].push(await draw(name, photos, 0));
  }
  for (let round = 1; round <= rounds; round++) {
    console.error(`round ${round}`);
    for (const name of names) draws[name].push(await draw(name, photos, round));
  }
  const memory = Object.fromEntries(
    names.map((name) => {
      const { peakAnonymous, peakResident } = engines.get(name);
      return [name, { peakAnonymous, peakResident }];
    }),
  );
  for (let round = 0; round < rounds; round++)
    for (const [name, list] of Object.entries(rates))
      list.push((await engines.get(name).ask({ sgemm: { side: 2048, repeats: 5 } })).rate);
  const ready = Object.fromEntries(names.map((name) => [name, engines.get(name).ready]));
  return { draws, memory, ready, rates };
}

async function start(name, commands) {
  const [command, args] = commands.get(name);
  engines.set(name, await EngineProcess.start(command, args, threads));
}

function draw(name, photos, round) {
  const photo = photos[round % photos.length];
  const sentence = sentences[round % sentences.length];
  return engines.get(name).askAlone({ draw: { photo, sentence, steps, seed: round, guidance } });
}
