/** Exports a checkpoint as ONNX graphs and a bundle.json: what runs it in a browser, or wherever ONNX Runtime is. */
import { randomBytes } from "node:crypto";
import { copyFile, mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { guidanceWeights } from "../../diffusion/guidance.js";
import { noiseLevel } from "../../diffusion/prediction.js";
import { ddimSteps } from "../../diffusion/samplers/ddim.js";
import { configFor, samplerFor } from "../../diffusion/samplers/registry.js";
import { makeSchedule } from "../../diffusion/schedule.js";
import { InstructCvError } from "../../errors.js";
import { writeAtomic } from "../../files.js";
import type { Size } from "../../image/picture.js";
import { bank } from "../../instructions/index.js";
import { ClipTokenizer } from "../../models/tokenizer.js";
import type { TaskName } from "../../tasks/task.js";
import { packageVersion } from "../../version.js";
import {
  decoderNetwork,
  encoderNetwork,
  latentSpace,
  type Network,
  type NetworkSource,
  textNetwork,
  unetNetwork,
} from "../networks.js";
import { checkFit, openSource, type WeightOptions } from "../source.js";
import type { Bundle, BundleNetwork, BundleStep, NetworkName } from "./bundle.js";
import { type WeightLimits, type WeightPrecision, weightLimits, writeNetwork } from "./weights.js";

export interface OnnxExportOptions extends WeightOptions {
  /** Folder to make. An earlier bundle there is replaced; any other folder must be empty. */
  readonly out: string;
  /** Of the pictures; graphs have fixed sizes. @default the checkpoint's resolution, square */
  readonly size?: Size;
  /** Denoising steps of the plan. @default the checkpoint's */
  readonly steps?: number;
  /** How float weights are stored. @default "stored" */
  readonly weights?: WeightPrecision;
  readonly limits?: WeightLimits;
  readonly signal?: AbortSignal;
  /** After each of the four graphs. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface ExportedBundle {
  readonly out: string;
  readonly bytes: number;
  readonly bundle: Bundle;
}

/**
 * Writes the folder beside `out` and renames it when it is complete; after an error or an abort nothing is left. `model` is a folder or a
 * .safetensors file. The same checkpoint and options give the same bytes. Throws InstructCvError("usage") when `out` is in the way or for a
 * size that the networks cannot halve, ("checkpoint") as `load` does.
 */
export async function exportOnnx(model: string, options: OnnxExportOptions): Promise<ExportedBundle> {
  const { out, weights = "stored", limits = weightLimits, signal, onProgress } = options;
  const target = resolve(out);
  await refuseOther(target);
  const folder = await openSource(model, options);
  const tokenizer = await ClipTokenizer.fromFiles(dirname(folder.tokenizer.vocabPath));
  checkFit(folder, tokenizer);
  const size = sizeOf(folder, options.size);
  await mkdir(dirname(target), { recursive: true });
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`);
  try {
    await mkdir(join(temporary, "tokenizer"), { recursive: true });
    const networks = networksOf(folder, size, tokenizer.maxLength);
    const written: Partial<Record<NetworkName, BundleNetwork>> = {};
    for (const [i, [name, build]] of networks.entries()) {
      signal?.throwIfAborted();
      const network = build();
      const files = await writeNetwork(temporary, name, network, weights, limits, signal);
      const { inputs, outputs } = network.graph;
      written[name] = { ...files, inputs, outputs };
      onProgress?.(i + 1, networks.length);
    }
    const files = await copyTokenizer(folder, temporary);
    const bundle = describe(folder, tokenizer, size, {
      weights: options.precision === "int8" ? "int8" : weights,
      networks: written as Bundle["networks"],
      files,
      ...(options.steps && { steps: options.steps }),
    });
    await writeAtomic(join(temporary, "bundle.json"), `${JSON.stringify(bundle, null, 2)}\n`);
    await rm(target, { recursive: true, force: true });
    await rename(temporary, target);
    return { out, bytes: Object.values(bundle.networks).reduce((sum, { bytes }) => sum + bytes, 0), bundle };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** One graph after the other: only one is in memory at a time. */
function networksOf(
  folder: NetworkSource,
  size: Size,
  length: number,
): readonly (readonly [NetworkName, () => Network])[] {
  const { factor } = latentSpace(folder.vae.config);
  const latents = { width: size.width / factor, height: size.height / factor };
  return [
    ["text_encoder", () => textNetwork(folder, length)],
    ["unet", () => unetNetwork(folder, latents, length, 1)],
    ["vae_encoder", () => encoderNetwork(folder, size)],
    ["vae_decoder", () => decoderNetwork(folder, latents)],
  ];
}

const answers: Readonly<Record<TaskName, string>> = {
  segmentation: "white where the category is, black elsewhere; grey is a probability",
  detection: "the photo with a blue outline around each instance of the category",
  depth: "grey, linear from 0 m (black) to 10 m (white)",
  classification: "the whole frame in the colour that the sentence names for yes or for no",
};
const logDepth = "grey from 0.5 m (black) to 10 m (white): metres = 0.5 * 20 ^ grey";

interface Written {
  readonly weights: Bundle["weights"];
  readonly networks: Bundle["networks"];
  /** Of the tokenizer. */
  readonly files: readonly string[];
  readonly steps?: number;
}

function describe(folder: NetworkSource, tokenizer: ClipTokenizer, size: Size, written: Written): Bundle {
  const { defaults, scheduler } = folder;
  const { channels, factor } = latentSpace(folder.vae.config);
  const schedule = makeSchedule(configFor(scheduler, "ddim"));
  const steps = ddimSteps(schedule, written.steps ?? defaults.steps);
  const { maxLength: length, startId: start, endId: end, padId: pad } = tokenizer;
  return {
    format: "instructcv-onnx/1",
    name: folder.name,
    version: packageVersion(),
    weights: written.weights,
    networks: written.networks,
    tokenizer: { files: written.files, length, start, end, pad },
    picture: { ...size, fit: defaults.fit },
    latents: { channels, width: size.width / factor, height: size.height / factor },
    conditions: guidanceWeights(defaults.guidance).map(({ condition, weight }) => {
      return { image: condition !== "none", text: condition === "both", weight };
    }),
    steps: steps.map(({ timestep, denoised, epsilon, next }): BundleStep => {
      const blank = defaults.blank_pure_noise && noiseLevel(schedule, timestep).signal === 0;
      return { timestep, blank, denoised, epsilon, next };
    }),
    clip: schedule.clip,
    sampler: defaults.sampler ?? samplerFor(scheduler._class_name),
    scheduler,
    mirror: defaults.mirror,
    restate: defaults.restate,
    box_outline: defaults.box_outline,
    depth_grey: defaults.depth_grey,
    tasks: defaults.tasks.map((task) => ({
      task,
      template: bank[task].template,
      answer: task === "depth" && defaults.depth_grey === "log" ? logDepth : answers[task],
    })),
    categories: defaults.categories,
  };
}

/** Throws InstructCvError("usage") for a size that the autoencoder and the UNet cannot halve without a rest. */
function sizeOf({ defaults, unet, vae }: NetworkSource, size: Size | undefined): Size {
  const { width, height } = size ?? { width: defaults.resolution, height: defaults.resolution };
  const step = latentSpace(vae.config).factor * 2 ** (unet.config.block_out_channels.length - 1);
  const fits = [width, height].every((side) => Number.isInteger(side) && side >= step && side % step === 0);
  if (fits) return { width, height };
  throw new InstructCvError("usage", `size must be multiples of ${step} pixels, found ${width}x${height}.`);
}

async function copyTokenizer({ tokenizer }: NetworkSource, out: string): Promise<string[]> {
  const { vocabPath, mergesPath } = tokenizer;
  const config = join(dirname(vocabPath), "tokenizer_config.json");
  const present = await readdir(dirname(vocabPath));
  const paths = [...new Set([vocabPath, mergesPath, ...(present.includes(basename(config)) ? [config] : [])])];
  const files = paths.map((path) => `tokenizer/${basename(path)}`);
  for (const [i, path] of paths.entries()) await copyFile(path, join(out, files[i]!));
  return files;
}

async function refuseOther(target: string): Promise<void> {
  const names = await readdir(target).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT") return [];
    throw new InstructCvError("usage", `${target}: is no folder to export to.`, "Name another one.");
  });
  if (names.length > 0 && !names.includes("bundle.json"))
    throw new InstructCvError("usage", `${target}: holds something else than a bundle.`, "Name another folder.");
}
