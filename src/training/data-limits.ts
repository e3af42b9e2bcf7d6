/** How much memory a run's pictures may take, and how many threads make its batches, where the recipe leaves it open. */
import type { TrainConfig } from "./config.js";

/** Of the memory that is free at the start: the rest is for weights, activations and other programs. */
const share = 0.5;
/** Batches under way for each thread: one that it makes, one that waits. */
const batchesEach = 2;

/** Bytes of decoded rasters that this process may hold; `processes` train on this machine. */
export function memoryLimit({ data }: TrainConfig, processes = 1): number {
  if (data.memory_mb !== null) return data.memory_mb * 2 ** 20;
  return Math.floor((process.availableMemory() * share) / processes);
}

/** Threads that make batches: on a CPU libtorch wants all cores for itself (docs/training.md has the measurement). */
export function workerCount({ data, compute }: TrainConfig): number {
  return data.workers ?? (compute.device === "cpu" ? 0 : 2);
}

/** Answers of a loader that are asked for ahead. */
export function prefetchDepth(config: TrainConfig): number {
  return batchesEach * workerCount(config);
}
