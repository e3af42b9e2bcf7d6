/** The quantised networks of a checkpoint: where they lie, and whether they belong to the weights beside them. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { CheckpointFolder } from "../../checkpoints/folder.js";
import { readSafetensors, type SafetensorsFile } from "../../checkpoints/safetensors.js";
import { InstructCvError } from "../../errors.js";
import { saturates } from "../../tensor/onnx/int8-probe.js";

export const INT8_FORMAT = "instructcv-int8/1";
const cure = "Make it: instructcv quantize MODEL --photos PHOTOS.";

/** `vae` is the autoencoder. */
export function int8Path({ dir }: CheckpointFolder, part: "unet" | "vae" = "unet"): string {
  return join(dir, part, "int8.safetensors");
}

export function isInt8File({ metadata }: SafetensorsFile): boolean {
  return metadata.format === INT8_FORMAT;
}

/**
 * The checkpoint with its quantised denoiser in place of the float one, and its quantised autoencoder where it has one. Throws
 * InstructCvError("checkpoint") when it has no denoiser, when one was made from other weights, or when this processor would compute it
 * wrongly.
 */
export async function withInt8(folder: CheckpointFolder): Promise<CheckpointFolder> {
  const { unet, vae } = folder;
  const quantised = { ...folder, unet: { ...unet, weights: await readInt8(int8Path(folder), unet.weights) } };
  const path = int8Path(folder, "vae");
  if (!vae.weights || !existsSync(path)) return quantised;
  return { ...quantised, vae: { ...vae, weights: await readInt8(path, vae.weights) } };
}

async function readInt8(path: string, float: SafetensorsFile): Promise<SafetensorsFile> {
  const weights = await readSafetensors(path).catch((error: InstructCvError) => {
    throw new InstructCvError("checkpoint", error.message.replace(error.cure ?? "", "").trim(), cure);
  });
  const fail = (problem: string) => new InstructCvError("checkpoint", `${path}: ${problem}`, cure);
  const { format, source, weight_limit: limit } = weights.metadata;
  if (format !== INT8_FORMAT) throw fail(`expected the format ${INT8_FORMAT}, found ${format}.`);
  if (source !== (await fingerprint(float))) throw fail(`was made from other weights than ${float.path}.`);
  if (Number(limit) > 64 && (await saturates())) {
    const problem = `${path}: has weights up to ${limit}, but this processor adds products in 16 bits: they must stay within 64.`;
    throw new InstructCvError("checkpoint", problem, "Make it with: instructcv quantize --weight-bits 7.");
  }
  return weights;
}

/** Blocks that are looked at, and their bytes: a file of up to 16 MiB is read whole. */
const BLOCKS = 1024;
const BLOCK = 16384;

/** What tells two weight files apart without reading all of a large one: their tensors, and blocks spread over the file; hexadecimal. */
export async function fingerprint({ path, entries }: SafetensorsFile): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([...entries]));
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const block = Buffer.alloc(BLOCK);
    for (let i = 0; i < BLOCKS; i++) {
      const { bytesRead } = await file.read(
        block,
        0,
        BLOCK,
        Math.floor((Math.max(0, size - BLOCK) * i) / (BLOCKS - 1)),
      );
      hash.update(block.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}
