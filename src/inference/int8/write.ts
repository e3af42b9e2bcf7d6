/** Writes a checkpoint's quantised denoiser. */
import type { CheckpointFolder } from "../../checkpoints/folder.js";
import { type StagedTensor, stageSafetensors } from "../../checkpoints/staged-safetensors.js";
import { UNet2DConditionModel } from "../../models/unet.js";
import type { InputScaling } from "../../tensor/onnx/calibration-ops.js";
import { fingerprint, INT8_FORMAT } from "./file.js";
import { quantiseWeight } from "./weights.js";

/**
 * Quantises the layers that have a scaling and copies everything else as float32. `measure` is given the file under a temporary name
 * and returns what its metadata shall say; only then the file gets its name.
 */
export async function writeInt8(
  path: string,
  folder: CheckpointFolder,
  scalings: ReadonlyMap<string, InputScaling>,
  limit: number,
  measure: (temporary: string) => Promise<Readonly<Record<string, string>>>,
  signal?: AbortSignal,
): Promise<void> {
  const { config, weights } = folder.unet;
  const tensors = Array.from(
    new UNet2DConditionModel(config).namedParameters(),
    ([name, { shape }]): StagedTensor[] => {
      const layer = name.replace(/\.weight$/, "");
      const scaling = layer === name ? undefined : scalings.get(layer);
      const read = () => {
        signal?.throwIfAborted();
        return weights.read(name);
      };
      if (!scaling) return [{ name, dtype: "F32", shape, bytes: () => bytesOf(read()) }];
      const [outputs, ...inputs] = shape as [number, ...number[]];
      const { range, channels } = scaling;
      let scales: Float32Array | undefined;
      const quantise = () => {
        const quantised = quantiseWeight(read(), shape, limit, channels);
        scales = quantised.scales;
        return bytesOf(quantised.bytes);
      };
      return [
        { name, dtype: "I8", shape: [inputs.reduce((n, k) => n * k, 1), outputs], bytes: quantise },
        { name: `${layer}.weight_scale`, dtype: "F32", shape: [outputs], bytes: () => bytesOf(scales!) },
        { name: `${layer}.input_range`, dtype: "F32", shape: [2], bytes: () => bytesOf(Float32Array.from(range)) },
        ...(channels
          ? [
              {
                name: `${layer}.input_channels`,
                dtype: "F32" as const,
                shape: [inputs[0]!],
                bytes: () => bytesOf(channels),
              },
            ]
          : []),
      ];
    },
  );
  const metadata = { format: INT8_FORMAT, source: await fingerprint(weights), weight_limit: `${limit}` };
  await stageSafetensors(path, tensors.flat(), metadata, measure);
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Int8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
