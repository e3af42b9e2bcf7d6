/** Measures what goes into a denoiser's layers along real drawings, and chooses the range each is quantised in. */
import type { CheckpointFolder } from "../../checkpoints/folder.js";
import { BINS, CalibrationOps, type InputScaling } from "../../tensor/onnx/calibration-ops.js";
import type { ArrayTensor } from "../../tensor/onnx/session.js";
import type { Evaluation } from "../conditioned-network.js";
import { openDenoiser } from "./graph.js";
import { isQuantised } from "./layers.js";
import { bestRange } from "./ranges.js";
import { largestWeights, scalingFor } from "./smoothing.js";

export interface CalibrationOptions {
  readonly threads: number;
  /** After every evaluation; there are two for each of `evaluations`. */
  readonly onEvaluation?: () => void;
  readonly signal?: AbortSignal;
}

/**
 * How the inputs of each quantised layer are scaled, by its name. `evaluations` are of one shape. The first pass finds the extremes, the
 * second counts what lies where between them: memory does not depend on the number of evaluations.
 */
export async function calibrate(
  folder: CheckpointFolder,
  evaluations: readonly Evaluation[],
  options: CalibrationOptions,
): Promise<Map<string, InputScaling>> {
  const extremes = new Map<string, Float32Array>();
  await eachStatistic(folder, new CalibrationOps(isQuantised), evaluations, options, (layer, found) => {
    // Padding is made of zeros, so that 0 belongs to every range.
    const known = extremes.get(layer) ?? new Float32Array(found.length);
    const lows = found.length / 2;
    extremes.set(
      layer,
      found.map((value, i) => (i < lows ? Math.min(value, known[i]!) : Math.max(value, known[i]!))),
    );
  });
  const whole = new Map<string, InputScaling>();
  for (const [layer, found] of extremes)
    whole.set(
      layer,
      scalingFor(found, () => largestWeights(folder.unet.weights, layer)),
    );
  const counts = new Map(Array.from(whole, ([layer]) => [layer, new Float64Array(BINS)]));
  await eachStatistic(folder, new CalibrationOps(isQuantised, whole), evaluations, options, (layer, histogram) => {
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
  folder: CheckpointFolder,
  ops: CalibrationOps,
  evaluations: readonly Evaluation[],
  { threads, onEvaluation, signal }: CalibrationOptions,
  take: (layer: string, statistic: Float32Array) => void,
): Promise<void> {
  const session = await openDenoiser(folder, evaluations[0]!, threads, ops);
  try {
    for (const evaluation of evaluations) {
      signal?.throwIfAborted();
      const statistics = await session.run({ ...evaluation });
      for (const [name, { data }] of Object.entries(statistics))
        take(name.replace(/\.input$/, ""), data as Float32Array);
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
