/** How much memory a run's pictures may take, and how many threads make its batches, where the recipe leaves it open. */
import type { TrainConfig } from "./config.js";

/** Of the memory that is free at the start: the rest is for weights, activations and other programs. */
const share = 0.5;

/** Bytes of decoded rasters that this process may hold; `processes` train on this machine. */
export function memoryLimit({ data }: TrainConfig, processes = 1): number {
  if (data.memory_mb !== null) return data.memory_mb * 2 ** 20;
  return Math.floor((process.availableMemory() * share) / processes);
}
