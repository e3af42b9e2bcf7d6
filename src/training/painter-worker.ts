/** A thread that makes the pixels of batches: what was drawn comes in, arrays go out. */
import { parentPort, workerData } from "node:worker_threads";
import { type ErrorCode, InstructCvError } from "../errors.js";
import type { TrainConfig } from "./config.js";
import type { DrawnExample } from "./example.js";
import { createPainter, type Pixels } from "./pixels.js";
import { RasterReader } from "./rasters.js";
import type { DrawnView } from "./views.js";

export interface WorkerData {
  readonly config: TrainConfig;
  /** Corpus size, pixels. */
  readonly side: number;
  /** Bytes of rasters that this thread may keep. */
  readonly budget: number;
}

export type Job =
  | { readonly kind: "examples"; readonly drawn: readonly DrawnExample[] }
  | { readonly kind: "frames"; readonly drawn: readonly (readonly DrawnView[])[] };

export interface WorkerRequest {
  readonly id: number;
  readonly job: Job;
}

export type WorkerReply =
  | { readonly kind: "done"; readonly id: number; readonly made: Pixels | Float32Array }
  | {
      readonly kind: "failed";
      readonly id: number;
      readonly message: string;
      /** Null for an error that nobody expected. */
      readonly code: ErrorCode | null;
      readonly stack?: string;
    };

const port = parentPort!;
const { config, side, budget } = workerData as WorkerData;
const painter = createPainter(config, new RasterReader(side, budget));

/** Both may be under way at once: one's pictures are decoded while the other's pixels are made. */
port.on("message", async ({ id, job }: WorkerRequest) => {
  try {
    const made = job.kind === "examples" ? await painter.examples(job.drawn) : await painter.frames(job.drawn);
    const arrays = made instanceof Float32Array ? [made] : [made.image, made.target, made.pixelWeights];
    // Moved, not copied.
    port.postMessage(
      { kind: "done", id, made } satisfies WorkerReply,
      arrays.map((array) => array.buffer as ArrayBuffer),
    );
  } catch (error) {
    const { message, stack } = error as Error;
    const code = error instanceof InstructCvError ? error.code : null;
    port.postMessage({ kind: "failed", id, message, code, stack } satisfies WorkerReply);
  }
});
