/** Evens out the channels of a convolution's inputs before they become bytes, at the expense of its weights, which have digits to spare. */
import type { SafetensorsFile } from "../../checkpoints/safetensors.js";
import type { InputScaling } from "../../tensor/onnx/calibration-ops.js";

/** How much of the unevenness goes over to the weights; 0 none of it, 1 all. */
const SHARE = 0.5;

/**
 * SmoothQuant (Xiao et al. 2023, arXiv 2211.10438, equation 4): channel c is divided by max|x_c|^a / max|w_c|^(1-a). `extremes`
 * [2, C]: lowest and highest of each channel; `largest` [C] of the weights, asked for where there is more than one channel.
 */
export function scalingFor(extremes: Float32Array, largest: () => Float32Array): InputScaling {
  const count = extremes.length / 2;
  if (count === 1) return { range: wholeRange(extremes[0]!, extremes[1]!) };
  const weights = largest();
  const channels = weights.map((weight, c) => {
    const input = Math.max(-extremes[c]!, extremes[count + c]!);
    return input > 0 && weight > 0 ? input ** SHARE / weight ** (1 - SHARE) : 1;
  });
  let [lowest, highest] = [0, 0];
  for (const [c, factor] of channels.entries()) {
    lowest = Math.min(lowest, extremes[c]! / factor);
    highest = Math.max(highest, extremes[count + c]! / factor);
  }
  return { range: wholeRange(lowest, highest), channels };
}

/** Of a layer whose inputs are all 0 any range will do. */
function wholeRange(lowest: number, highest: number): InputScaling["range"] {
  return lowest === highest ? [0, 1] : [lowest, highest];
}

/** [I]: the largest magnitude of a convolution's weights [O, I, K, K] for each input channel. */
export function largestWeights(file: SafetensorsFile, layer: string): Float32Array {
  const weight = file.read(`${layer}.weight`);
  const [outputs, inputs, ...kernel] = file.entries.get(`${layer}.weight`)!.shape as [number, number, ...number[]];
  const taps = kernel.reduce((n, k) => n * k, 1);
  const largest = new Float32Array(inputs);
  for (let o = 0, at = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let tap = 0; tap < taps; tap++) largest[i] = Math.max(largest[i]!, Math.abs(weight[at++]!));
  return largest;
}
