/** A checkpoint's networks as ONNX graphs over the weights where they lie on disk; built once for each shape. */
import { realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { VaeConfig } from "../checkpoints/configs.js";
import type { CheckpointFolder } from "../checkpoints/folder.js";
import type { SafetensorsFile } from "../checkpoints/safetensors.js";
import { InstructCvError } from "../errors.js";
import type { Size } from "../image/picture.js";
import { AutoencoderKL } from "../models/autoencoder.js";
import { CLIPTextModel } from "../models/clip-text.js";
import type { Module } from "../models/module.js";
import { SpaceToDepth } from "../models/space-to-depth.js";
import { UNet2DConditionModel } from "../models/unet.js";
import { diskNames } from "../models/weight-names.js";
import { Int8Ops } from "../tensor/onnx/int8-ops.js";
import { OnnxOps } from "../tensor/onnx/ops.js";
import type { OnnxGraph } from "../tensor/onnx/proto.js";
import { splitGraph } from "../tensor/onnx/split.js";
import type { Tensor } from "../tensor/tensor.js";
import { isInt8File } from "./int8/file.js";
import { type LoraDelta, loraDeltas, mergedParameter, type WeightedLora } from "./merge-lora.js";

/** A checkpoint, and the adapters to be merged into its weights. */
export interface NetworkSource extends CheckpointFolder {
  readonly loras?: readonly WeightedLora[];
}

export interface Network {
  readonly graph: OnnxGraph;
  /** The folder its external weights are relative to; undefined without weights. */
  readonly weightsFolder?: string;
}

/** What latents are in relation to pictures. */
export interface LatentSpace {
  readonly channels: number;
  /** Pixels of a picture per latent position, each way. */
  readonly factor: number;
  /** Latents to be denoised are those of the autoencoder times this; conditioning latents are not scaled. */
  readonly scale: number;
}

export function latentSpace(config: VaeConfig): LatentSpace {
  if (config._class_name === "SpaceToDepth")
    return { channels: config.in_channels * config.factor ** 2, factor: config.factor, scale: 1 };
  const { latent_channels: channels, block_out_channels: levels, scaling_factor: scale } = config;
  return { channels, factor: 2 ** (levels.length - 1), scale };
}

/** `ids` [1, L] int64 to `states` [1, L, D]. */
export function textNetwork({ textEncoder: { config, weights }, loras }: NetworkSource, length: number): Network {
  const model = new CLIPTextModel(config);
  const changes = loraDeltas(loras ?? [], "text_encoder", model);
  return emit({ weights, changes }, model, (ops) => ({
    states: model.forward(ops, ops.input("ids", [1, length], "int64")),
  }));
}

/** The denoiser in three parts, so that what a sentence or a timestep alone decides is computed once for it. */
export interface Denoiser {
  /** `states` [batch, L, D] to `states.0`, `states.1`, ...: keys and values of every cross-attention. */
  readonly text: Network | null;
  /** `timestep` [1] to `timestep.0`, ...: its projection in every residual block. */
  readonly time: Network | null;
  /**
   * `noisy` [1, C, h, w] under `batch` conditions at once: `image` [batch, C, h, w] and what the other parts make (or their
   * inputs), to `prediction` [batch, C, h, w].
   */
  readonly main: Network;
}

/** `size`: that of the latents. */
export function denoiser(folder: NetworkSource, size: Size, length: number, batch: number): Denoiser {
  const whole = unetNetwork(folder, size, length, batch);
  const text = splitGraph(whole.graph, "states");
  const time = splitGraph(text?.main ?? whole.graph, "timestep");
  const network = (graph: OnnxGraph | undefined) => (graph ? { ...whole, graph } : null);
  return {
    text: network(text?.prelude),
    time: network(time?.prelude),
    main: { ...whole, graph: time?.main ?? text?.main ?? whole.graph },
  };
}

/** All networks that draw pictures of this size, one condition at a time. Throws InstructCvError("checkpoint") for weights that do not fit. */
export function networksFor(folder: NetworkSource, picture: Size, textLength: number) {
  const { factor } = latentSpace(folder.vae.config);
  const latents = { width: picture.width / factor, height: picture.height / factor };
  return {
    text: textNetwork(folder, textLength),
    denoiser: denoiser(folder, latents, textLength, 1),
    encoder: encoderNetwork(folder, picture),
    decoder: decoderNetwork(folder, latents),
  };
}

/** The denoiser in one piece: `noisy`, `image`, `timestep` and `states` as above to `prediction`; `ops` may emit more outputs. */
export function unetNetwork(
  folder: NetworkSource,
  { width, height }: Size,
  length: number,
  batch: number,
  ops?: OnnxOps,
): Network {
  const { config, weights } = folder.unet;
  const { channels } = latentSpace(folder.vae.config);
  const model = new UNet2DConditionModel(config);
  const changes = loraDeltas(folder.loras ?? [], "unet", model);
  return emit({ weights, changes, ...(ops && { ops }) }, model, (ops) => {
    const latents = [batch, channels, height, width];
    const noisy = ops.expand(ops.input("noisy", [1, channels, height, width]), latents);
    const sample = ops.concat([noisy, ops.input("image", latents)], 1);
    const timestep = ops.input("timestep", [1]);
    const encoderHiddenStates = ops.input("states", [batch, length, folder.textEncoder.config.hidden_size]);
    return { prediction: model.forward(ops, { sample, timestep, encoderHiddenStates }) };
  });
}

/** `picture` [1, 3, H, W] of this size in [-1, 1] to `latents`: the posterior mode, not scaled; `ops` as above. */
export function encoderNetwork(
  { vae: { config, weights } }: CheckpointFolder,
  { width, height }: Size,
  ops?: OnnxOps,
): Network {
  const model = config._class_name === "SpaceToDepth" ? new SpaceToDepth(config) : new AutoencoderKL(config);
  return emit({ weights, ...(ops && { ops }) }, model, (ops) => {
    const encoded = model.encode(ops, ops.input("picture", [1, 3, height, width]));
    return { latents: "mean" in encoded ? encoded.mean : encoded };
  });
}

/** Denoised (scaled) `latents` [1, C, h, w] of this size to `picture` [1, 3, H, W], nominally in [-1, 1]; `ops` as above. */
export function decoderNetwork(
  { vae: { config, weights } }: CheckpointFolder,
  { width, height }: Size,
  ops?: OnnxOps,
): Network {
  const model = config._class_name === "SpaceToDepth" ? new SpaceToDepth(config) : new AutoencoderKL(config);
  const { channels, scale } = latentSpace(config);
  return emit({ weights, ...(ops && { ops }) }, model, (ops) => {
    const latents = ops.input("latents", [1, channels, height, width]);
    return { picture: model.decode(ops, scale === 1 ? latents : ops.div(latents, scale)) };
  });
}

interface Emission {
  readonly weights: SafetensorsFile | null;
  /** What adapters change, by parameter. */
  readonly changes?: ReadonlyMap<string, readonly LoraDelta[]>;
  /** Operations that emit more than the network. */
  readonly ops?: OnnxOps;
}

function emit({ weights, changes, ops: given }: Emission, module: Module, body: (ops: OnnxOps) => Outputs): Network {
  if (!weights) {
    const ops = given ?? new OnnxOps();
    return { graph: ops.graph(body(ops)) };
  }
  // A hub cache holds links into a blob store, and ONNX Runtime refuses links that lead out of the folder.
  const path = realpathSync(weights.path);
  const ops = given ?? (isInt8File(weights) ? new Int8Ops(weights, basename(path)) : new OnnxOps());
  module.bind((name, { shape }) => {
    if (ops instanceof Int8Ops) return ops.weight(name, shape);
    const { entry, onDisk } = findWeight(weights, name, shape);
    return mergedParameter(ops, ops.parameter(onDisk, entry, basename(path)), changes?.get(name));
  });
  return { graph: ops.graph(body(ops)), weightsFolder: dirname(path) };
}

type Outputs = Readonly<Record<string, Tensor>>;

function findWeight(weights: SafetensorsFile, name: string, shape: readonly number[]) {
  const fail = (problem: string) =>
    new InstructCvError("checkpoint", `${weights.path}: ${problem}`, "Use the weights that belong to its config.json.");
  const onDisk = diskNames(name).find((one) => weights.entries.has(one));
  if (onDisk === undefined) throw fail(`tensor "${name}" is missing.`);
  const entry = weights.entries.get(onDisk)!;
  const sameShape = entry.shape.length === shape.length && entry.shape.every((n, i) => n === shape[i]);
  if (!sameShape) throw fail(`tensor "${onDisk}" has shape [${entry.shape}], expected [${shape}].`);
  if (entry.dtype !== "F32" && entry.dtype !== "F16" && entry.dtype !== "BF16")
    throw fail(`tensor "${onDisk}" is ${entry.dtype}, expected F32, F16 or BF16.`);
  return { entry, onDisk };
}
