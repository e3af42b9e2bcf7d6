/** Measures what goes into a denoiser's layers along real drawings, and chooses the range each is quantised in. */
import type { CheckpointFolder } from "../../checkpoints/folder.js";
import { BINS, CalibrationOps, type Range } from "../../tensor/onnx/calibration-ops.js";
import type { OnnxOps } from "../../tensor/onnx/ops.js";
import { encodeModel } from "../../tensor/onnx/proto.js";
import { type ArrayTensor, openSession, type Session } from "../../tensor/onnx/session.js";
import type { Evaluation } from "../conditioned-network.js";
import { unetNetwork } from "../networks.js";
import { isQuantised } from "./layers.js";
import { bestRange } from "./ranges.js";

export interface CalibrationOptions {
  readonly threads: number;
  /** After every evaluation; there are two for each of `evaluations`. */
  readonly onEvaluation?: () => void;
  readonly signal?: AbortSignal;
}

/**
 * The range of each quantised layer's inputs, by its name. `evaluations` are of one shape. The first pass finds the extremes, the
 * second counts what lies where between them: memory does not depend on the number of evaluations.
 */
export async function calibrate(
  folder: CheckpointFolder,
  evaluations: readonly Evaluation[],
  options: CalibrationOptions,
): Promise<Map<string, Range>> {
  const ranges = new Map<string, Range>();
  await eachStatistic(folder, new CalibrationOps(isQuantised), evaluations, options, (layer, [low, high]) => {
    // Padding is made of zeros, so that 0 belongs to every range.
    const [lowest, highest] = ranges.get(layer) ?? [0, 0];
    ranges.set(layer, [Math.min(lowest, low!), Math.max(highest, high!)]);
  });
  for (const [layer, [lowest, highest]] of ranges) if (lowest === highest) ranges.set(layer, [0, 1]);
  const counts = new Map(Array.from(ranges, ([layer]) => [layer, new Float64Array(BINS)]));
  await eachStatistic(folder, new CalibrationOps(isQuantised, ranges), evaluations, options, (layer, histogram) => {
    const sums = counts.get(layer)!;
    for (let i = 0; i < BINS; i++) sums[i]! += histogram[i]!;
  });
  return new Map(Array.from(ranges, ([layer, range]) => [layer, bestRange(counts.get(layer)!, range)]));
}

async function eachStatistic(
  folder: CheckpointFolder,
  ops: CalibrationOps,
  evaluations: readonly Evaluation[],
  { threads, onEvaluation, signal }: CalibrationOptions,
  take: (layer: string, statistic: Float32Array) => void,
): Promise<void> {
  const session = await openWhole(folder, evaluations[0]!, threads, ops);
  try {
    for (const evaluation of evaluations) {
      signal?.throwIfAborted();
      const statistics = await session.run({ ...evaluation });
      for (const [layer, { data }] of Object.entries(statistics)) take(layer, data as Float32Array);
      onEvaluation?.();
      // Lets the signal be heard: a run blocks this thread.
      await new Promise(setImmediate);
    }
  } finally {
    await session.close();
  }
}

/** The denoiser in one piece for evaluations of this shape. */
export function openWhole(
  folder: CheckpointFolder,
  { noisy, image, states }: Evaluation,
  threads: number,
  ops?: OnnxOps,
): Promise<Session> {
  const [, , height, width] = noisy.shape as [number, number, number, number];
  const { graph, weightsFolder } = unetNetwork(folder, { width, height }, states.shape[1]!, image.shape[0]!, ops);
  return openSession(encodeModel(graph), { threads, ...(weightsFolder && { weightsFolder }) });
}

/** An evaluation under several conditions as one for each. */
export function separate({ noisy, image, timestep, states }: Evaluation): Evaluation[] {
  const batch = image.shape[0]!;
  const part = ({ data, shape }: ArrayTensor, i: number): ArrayTensor => {
    const length = data.length / batch;
    return { data: (data as Float32Array).slice(i * length, (i + 1) * length), shape: [1, ...shape.slice(1)] };
  };
  return Array.from({ length: batch }, (_, i) => ({ noisy, timestep, image: part(image, i), states: part(states, i) }));
}
