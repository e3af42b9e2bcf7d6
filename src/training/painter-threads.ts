/** Pixels made in other threads, so that an update does not wait for them. */
import { Worker } from "node:worker_threads";
import { InstructCvError } from "../errors.js";
import type { Job, WorkerData, WorkerReply, WorkerRequest } from "./painter-worker.js";
import type { Painter, Pixels } from "./pixels.js";

/**
 * Compiled, the worker lies beside this file. Under a TypeScript runner there is no such file, and Node's workers read only
 * JavaScript: vitest's global set-up (tests/helpers/build-worker.ts) bundles it to build/bundles/training/worker.mjs before any test.
 */
const workerUrl = new URL(
  import.meta.url.endsWith(".ts") ? "../../build/bundles/training/worker.mjs" : "./painter-worker.js",
  import.meta.url,
);

/**
 * `count` threads, each with its share of `data.budget`; whoever has least to do gets the next job. When one ends by itself, what it was
 * asked and all that it will be asked throws InstructCvError("engine") with the reason.
 */
export function createPainterThreads(count: number, data: WorkerData): Painter {
  const threads = Array.from({ length: count }, () => startThread({ ...data, budget: data.budget / count }));
  const ask = (job: Job) => threads.reduce((a, b) => (b.pending() < a.pending() ? b : a)).ask(job);
  return {
    examples: (drawn) => ask({ kind: "examples", drawn }) as Promise<Pixels>,
    frames: (drawn) => ask({ kind: "frames", drawn }) as Promise<Float32Array>,
    async close() {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}

interface Waiting {
  readonly resolve: (made: Pixels | Float32Array) => void;
  readonly reject: (reason: Error) => void;
}

function startThread(workerData: WorkerData) {
  const worker = new Worker(workerUrl, { workerData });
  const waiting = new Map<number, Waiting>();
  let asked = 0;
  let ended: Error | undefined;
  const end = (why: string) => {
    ended ??= new InstructCvError(
      "engine",
      `A thread that makes batches ended: ${why}.`,
      "Set data.workers to 0 to make them in the training thread, or give them less with data.memory_mb.",
    );
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.on("message", (reply: WorkerReply) => {
    const { resolve, reject } = waiting.get(reply.id)!;
    waiting.delete(reply.id);
    if (reply.kind === "done") resolve(reply.made);
    else reject(revive(reply));
  });
  worker.on("error", (error) => end(error.message));
  worker.on("exit", (code) => end(`code ${code}`));
  return {
    pending: () => waiting.size,
    ask: (job: Job) =>
      new Promise<Pixels | Float32Array>((resolve, reject) => {
        if (ended) return reject(ended);
        const id = asked++;
        waiting.set(id, { resolve, reject });
        worker.postMessage({ id, job } satisfies WorkerRequest);
      }),
    async close(): Promise<void> {
      await worker.terminate();
    },
  };
}

/** The cure is in the message already. */
function revive({ code, message, stack }: Extract<WorkerReply, { kind: "failed" }>): Error {
  return code === null ? Object.assign(new Error(message), { stack }) : new InstructCvError(code, message);
}
