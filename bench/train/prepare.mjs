/** The recipes, data and command lines of the engines of `npm run bench:train`. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parse, stringify } from "yaml";
import { root } from "../../scripts/sd/oracle.mjs";

const here = path.join(root, "bench/train");

/** Tables to measure: of each its name, samples of an update and engines by name. `init` is null without Stable Diffusion. */
export function* prepare({ scratch, python, init, threads, models, dtypes }) {
  const corpus = build(scratch);
  for (const dtype of dtypes) if (models.includes("nano")) yield nano({ scratch, python, threads, corpus, dtype });
  if (!models.includes("sd")) return;
  const parquet = exported(scratch, corpus);
  const encoded = path.join(scratch, "encoded");
  for (const dtype of dtypes) yield diffusion({ scratch, python, init, threads, corpus, parquet, encoded, dtype });
}

/** The repository's own few labelled photos, at Stable Diffusion's size: the clock does not ask what they show. */
function build(scratch) {
  const corpus = path.join(scratch, "corpus");
  instructcv("data", "build", "configs/own-data.yaml", "--size", "256", "--out", corpus);
  return corpus;
}

function exported(scratch, corpus) {
  const folder = path.join(scratch, "parquet");
  instructcv("data", "export", corpus, "--out", folder);
  return readdirSync(folder, { recursive: true })
    .filter((file) => /train.*\.parquet$/.test(file))
    .map((file) => path.join(folder, file));
}

/** The networks and the drawing loss; the training-only heads and their photos have no peer. */
function nano({ scratch, python, threads, corpus, dtype }) {
  const recipe = readYaml("configs/nano.yaml");
  recipe.model.init = null; // the weights do not matter to the clock
  recipe.data.corpus = corpus;
  recipe.loss.auxiliary = { sentence: 0, presence: 0, extent: 0, asked: 0, photos: 0 };
  recipe.compute = { ...recipe.compute, dtype, threads };
  const file = write(scratch, `nano-${dtype}`, recipe);
  const request = { kind: "small", config: recipe, threads, dtype, vocab_size: recipe.model.vocab_size };
  return {
    name: `nano, ${recipe.model.resolution} px, batch ${recipe.optimizer.batch}, ${dtype}`,
    samples: recipe.optimizer.batch * (recipe.optimizer.accumulate ?? 1),
    step: ["instructcv", "PyTorch"],
    engines: {
      instructcv: ours(file, "given"),
      PyTorch: pytorch(python, scratch, `nano-${dtype}`, request),
      "instructcv with its loader": ours(file, "loaded"),
    },
  };
}

function diffusion({ scratch, python, init, threads, corpus, parquet, encoded, dtype }) {
  const { model, ...recipe } = readYaml("configs/paper.yaml");
  recipe.model = { resolution: init.includes("small") ? 64 : 256, init, inference: model.inference };
  recipe.data.corpus = corpus;
  recipe.optimizer = { ...recipe.optimizer, batch: 1, accumulate: 1, clip: 1 };
  recipe.compute = { dtype, threads, activation_checkpointing: true };
  const pictures = write(scratch, `sd-${dtype}-pictures`, recipe);
  if (dtype === "float32") instructcv("data", "encode", pictures, "--out", encoded, "--views", "1");
  const latents = write(scratch, `sd-${dtype}`, { ...recipe, data: { ...recipe.data, encoded } });
  const request = (kind) => ({ kind, config: recipe, threads, dtype, data: parquet });
  return {
    name: `Stable Diffusion ${init.includes("small") ? "(thin)" : "1.5"}, ${recipe.model.resolution} px, batch 1, ${dtype}`,
    samples: 1,
    step: ["instructcv", "PyTorch"],
    whole: ["instructcv, encoded", "diffusers' script"],
    engines: {
      instructcv: ours(latents, "given"),
      PyTorch: pytorch(python, scratch, `sd-${dtype}-step`, request("step")),
      "instructcv, encoded": ours(latents, "loaded"),
      "diffusers' script": pytorch(python, scratch, `sd-${dtype}-script`, request("script")),
      "instructcv, pictures": ours(pictures, "loaded"),
    },
  };
}

function ours(recipe, batches) {
  return { command: process.execPath, args: [path.join(here, "engine-ours.mjs"), recipe, batches] };
}

function pytorch(python, scratch, name, request) {
  const file = path.join(scratch, `${name}.json`);
  writeFileSync(file, JSON.stringify(request));
  return { command: python, args: [path.join(here, "engine_pytorch.py"), file] };
}

function readYaml(name) {
  return parse(readFileSync(path.join(root, name), "utf8"));
}

function write(scratch, name, recipe) {
  const file = path.join(scratch, `${name}.yaml`);
  writeFileSync(file, stringify(recipe));
  return file;
}

function instructcv(...args) {
  const { status } = spawnSync(process.execPath, ["dist/cli/main.js", ...args], { cwd: root, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`instructcv ${args.join(" ")}: exit code ${status}`);
}
