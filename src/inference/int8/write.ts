/** Writes a checkpoint's quantised network. */
import type { SafetensorsFile } from "../../checkpoints/safetensors.js";
import { type StagedTensor, stageSafetensors } from "../../checkpoints/staged-safetensors.js";
import type { Module } from "../../models/module.js";
import { diskNames } from "../../models/weight-names.js";
import type { LayerScaling } from "../../tensor/onnx/calibration-ops.js";
import { fingerprint, INT8_FORMAT } from "./file.js";
import { quantiseWeight } from "./weights.js";

/**
 * Quantises the layers of `module` that have a scaling and copies everything else as float32. `measure` is given the file under a temporary name
 * and returns what its metadata shall say; only then the file gets its name.
 */
export async function writeInt8(
  path: string,
  { module, weights }: { readonly module: Module; readonly weights: SafetensorsFile },
  scalings: ReadonlyMap<string, LayerScaling>,
  limit: number,
  measure: (temporary: string) => Promise<Readonly<Record<string, string>>>,
  signal?: AbortSignal,
): Promise<void> {
  const tensors = Array.from(module.namedParameters(), ([name, { shape }]): StagedTensor[] => {
    const layer = name.replace(/\.weight$/, "");
    const scaling = layer === name ? undefined : scalings.get(layer);
    const read = () => {
      signal?.throwIfAborted();
      return weights.read(diskNames(name).find((one) => weights.entries.has(one))!);
    };
    if (!scaling) return [{ name, dtype: "F32", shape, bytes: () => bytesOf(read()) }];
    const [outputs, ...inputs] = shape as [number, ...number[]];
    const { range, channels, outputs: ranges } = scaling;
    let scales: Float32Array | undefined;
    const quantise = () => {
      const quantised = quantiseWeight(read(), shape, limit, channels, ranges !== undefined);
      scales = quantised.scales;
      return bytesOf(quantised.bytes);
    };
    return [
      {
        ...{ name, dtype: "I8", bytes: quantise },
        shape: ranges ? shape : [inputs.reduce((n, k) => n * k, 1), outputs],
      },
      { name: `${layer}.weight_scale`, dtype: "F32", shape: [outputs], bytes: () => bytesOf(scales!) },
      { name: `${layer}.input_range`, dtype: "F32", shape: [2], bytes: () => bytesOf(Float32Array.from(range)) },
      ...floats(`${layer}.input_channels`, [inputs[0]!], channels),
      ...floats(`${layer}.output_ranges`, [2, outputs], ranges),
    ];
  });
  const metadata = { format: INT8_FORMAT, source: await fingerprint(weights), weight_limit: `${limit}` };
  await stageSafetensors(path, tensors.flat(), metadata, measure);
}

/** The tensor, where there is one. */
function floats(name: string, shape: readonly number[], values: Float32Array | undefined): StagedTensor[] {
  return values ? [{ name, dtype: "F32", shape, bytes: () => bytesOf(values) }] : [];
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Int8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
