/** Measures what goes into a network's layers on real inputs, and chooses the range each is quantised in. */
import type { SafetensorsFile } from "../../checkpoints/safetensors.js";
import { BINS, CalibrationOps, type LayerScaling } from "../../tensor/onnx/calibration-ops.js";
import type { ArrayTensor, Session } from "../../tensor/onnx/session.js";
import type { Evaluation } from "../conditioned-network.js";
import { bestRange } from "./ranges.js";
import { largestWeights, scalingFor } from "./smoothing.js";

export interface CalibrationOptions {
  /** After every evaluation; there are two for each of `evaluations`. */
  readonly onEvaluation?: () => void;
  readonly signal?: AbortSignal;
}

/** A network to be calibrated. */
export interface Calibrated {
  readonly weights: SafetensorsFile;
  /** Which of its layers, by name without `.weight`. */
  readonly isQuantised: (layer: string) => boolean;
  /** Whether the outputs of its convolutions become bytes as well. */
  readonly outputs: boolean;
  /** Over the graph that `ops` makes. */
  readonly open: (ops: CalibrationOps) => Promise<Session>;
}

export type Inputs = Readonly<Record<string, ArrayTensor>>;

/**
 * How each quantised layer is scaled, by its name. `evaluations` are of one shape. The first pass finds the extremes, the
 * second counts what lies where between them: memory does not depend on the number of evaluations.
 */
export async function calibrate(
  network: Calibrated,
  evaluations: readonly Inputs[],
  options: CalibrationOptions,
): Promise<Map<string, LayerScaling>> {
  const { weights, isQuantised } = network;
  const extremes = { input: new Map<string, Float32Array>(), output: new Map<string, Float32Array>() };
  const first = new CalibrationOps(isQuantised, undefined, network.outputs);
  await eachStatistic(network, first, evaluations, options, (layer, side, found) => {
    // Padding is made of zeros, so that 0 belongs to every range.
    const known = extremes[side].get(layer) ?? new Float32Array(found.length);
    const lows = found.length / 2;
    extremes[side].set(
      layer,
      found.map((value, i) => (i < lows ? Math.min(value, known[i]!) : Math.max(value, known[i]!))),
    );
  });
  const whole = new Map<string, LayerScaling>();
  for (const [layer, found] of extremes.input) {
    const outputs = extremes.output.get(layer);
    const scaling = scalingFor(found, () => largestWeights(weights, layer));
    whole.set(layer, { ...scaling, ...(outputs && { outputs }) });
  }
  const counts = new Map(Array.from(whole, ([layer]) => [layer, new Float64Array(BINS)]));
  await eachStatistic(network, new CalibrationOps(isQuantised, whole), evaluations, options, (layer, _, histogram) => {
    const sums = counts.get(layer)!;
    for (let i = 0; i < BINS; i++) sums[i]! += histogram[i]!;
  });
  return new Map(
    Array.from(whole, ([layer, { range, ...rest }]) => [
      layer,
      { ...rest, range: bestRange(counts.get(layer)!, range) },
    ]),
  );
}

async function eachStatistic(
  { open }: Calibrated,
  ops: CalibrationOps,
  evaluations: readonly Inputs[],
  { onEvaluation, signal }: CalibrationOptions,
  take: (layer: string, side: "input" | "output", statistic: Float32Array) => void,
): Promise<void> {
  const session = await open(ops);
  try {
    for (const evaluation of evaluations) {
      signal?.throwIfAborted();
      const statistics = await session.run(evaluation);
      for (const [name, { data }] of Object.entries(statistics))
        take(name.replace(/\.\w+$/, ""), name.endsWith(".input") ? "input" : "output", data as Float32Array);
      onEvaluation?.();
      // Lets the signal be heard: a run blocks this thread.
      await new Promise(setImmediate);
    }
  } finally {
    await session.close();
  }
}

/** An evaluation under several conditions as one for each, with a copy of what the sampler may write over. */
export function separate({ noisy, image, timestep, states }: Evaluation): Evaluation[] {
  const batch = image.shape[0]!;
  const part = ({ data, shape }: ArrayTensor, i: number): ArrayTensor => {
    const length = data.length / batch;
    return { data: (data as Float32Array).slice(i * length, (i + 1) * length), shape: [1, ...shape.slice(1)] };
  };
  const copy = { ...noisy, data: noisy.data.slice() };
  return Array.from({ length: batch }, (_, i) => ({
    noisy: copy,
    timestep,
    image: part(image, i),
    states: part(states, i),
  }));
}
