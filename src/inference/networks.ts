/** A checkpoint's networks as ONNX graphs over the weights where they lie on disk; built once for each shape. */
import { realpathSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { VaeConfig } from "../checkpoints/configs.js";
import type { CheckpointFolder } from "../checkpoints/folder.js";
import type { SafetensorsFile } from "../checkpoints/safetensors.js";
import { InstructCvError } from "../errors.js";
import { AutoencoderKL } from "../models/autoencoder.js";
import { CLIPTextModel } from "../models/clip-text.js";
import type { Module } from "../models/module.js";
import { SpaceToDepth } from "../models/space-to-depth.js";
import { UNet2DConditionModel } from "../models/unet.js";
import { diskNames } from "../models/weight-names.js";
import { OnnxOps } from "../tensor/onnx/ops.js";
import type { Tensor } from "../tensor/tensor.js";

export interface Network {
  /** ONNX bytes. */
  readonly model: Uint8Array;
  /** The folder its external weights are relative to; undefined without weights. */
  readonly weightsFolder?: string;
  /** Size of the weight file. */
  readonly weightBytes: number;
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
export function textNetwork({ textEncoder: { config, weights } }: CheckpointFolder, length: number): Network {
  const model = new CLIPTextModel(config);
  return emit(weights, model, (ops) => ({ states: model.forward(ops, ops.input("ids", [1, length], "int64")) }));
}

/**
 * `noisy` [1, C, h, w] under `batch` conditions at once: `image` [batch, C, h, w] and `states` [batch, L, D], at
 * `timestep` [1], to `prediction` [batch, C, h, w].
 */
export function unetNetwork(folder: CheckpointFolder, side: number, length: number, batch: number): Network {
  const { config, weights } = folder.unet;
  const { channels } = latentSpace(folder.vae.config);
  const model = new UNet2DConditionModel(config);
  return emit(weights, model, (ops) => {
    const latents = [batch, channels, side, side];
    const noisy = ops.expand(ops.input("noisy", [1, channels, side, side]), latents);
    const sample = ops.concat([noisy, ops.input("image", latents)], 1);
    const timestep = ops.expand(ops.input("timestep", [1]), [batch]);
    const encoderHiddenStates = ops.input("states", [batch, length, folder.textEncoder.config.hidden_size]);
    return { prediction: model.forward(ops, { sample, timestep, encoderHiddenStates }) };
  });
}

/** `picture` [1, 3, S, S] in [-1, 1] to `latents`: the posterior mode, not scaled. */
export function encoderNetwork({ vae: { config, weights } }: CheckpointFolder, side: number): Network {
  const model = config._class_name === "SpaceToDepth" ? new SpaceToDepth(config) : new AutoencoderKL(config);
  return emit(weights, model, (ops) => {
    const encoded = model.encode(ops, ops.input("picture", [1, 3, side, side]));
    return { latents: "mean" in encoded ? encoded.mean : encoded };
  });
}

/** Denoised (scaled) `latents` [1, C, side, side] to `picture` [1, 3, S, S], nominally in [-1, 1]. */
export function decoderNetwork({ vae: { config, weights } }: CheckpointFolder, side: number): Network {
  const model = config._class_name === "SpaceToDepth" ? new SpaceToDepth(config) : new AutoencoderKL(config);
  const { channels, scale } = latentSpace(config);
  return emit(weights, model, (ops) => {
    const latents = ops.input("latents", [1, channels, side, side]);
    return { picture: model.decode(ops, scale === 1 ? latents : ops.div(latents, scale)) };
  });
}

function emit(
  weights: SafetensorsFile | null,
  module: Module,
  body: (ops: OnnxOps) => Record<string, Tensor>,
): Network {
  const ops = new OnnxOps();
  if (!weights) return { model: ops.finish(body(ops)), weightBytes: 0 };
  // A hub cache holds links into a blob store, and ONNX Runtime refuses links that lead out of the folder.
  const path = realpathSync(weights.path);
  module.bind((name, { shape }) => {
    const { entry, onDisk } = findWeight(weights, name, shape);
    return ops.parameter(onDisk, entry, basename(path));
  });
  return { model: ops.finish(body(ops)), weightsFolder: dirname(path), weightBytes: statSync(path).size };
}

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
