/** Runs units on several threads: each takes the next one when it is done with its last. */
import { Worker } from "node:worker_threads";
import { type ErrorCode, InstructCvError } from "../errors.js";
import type { Unit } from "./plan.js";
import { buildUnit, type UnitContext, type UnitNote } from "./unit.js";
import type { WorkerData, WorkerReply, WorkerRequest } from "./worker.js";

/**
 * Compiled, the worker lies beside this file. Under a TypeScript runner there is no such file, and Node's workers read only
 * JavaScript: vitest's global set-up (tests/helpers/build-worker.ts) bundles it to build/corpus-worker.mjs before any test.
 */
const workerUrl = new URL(
  import.meta.url.endsWith(".ts") ? "../../build/corpus-worker.mjs" : "./worker.js",
  import.meta.url,
);

export interface UnitEvents {
  /** A photo is done; `records` were made of it. */
  readonly onPhoto: (records: number) => void;
  /** May throw to end the build. */
  readonly onUnit: (unit: Unit, note: UnitNote) => void;
}

/** Makes all units, in any order. After a failure or an abort the threads have ended and nothing half-written is left. */
export async function runUnits(
  units: readonly Unit[],
  workers: number,
  context: UnitContext,
  { onPhoto, onUnit }: UnitEvents,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (workers === 1) {
    for (const unit of units) {
      signal?.throwIfAborted();
      onUnit(unit, await buildUnit(unit, context, onPhoto, signal));
    }
    return;
  }
  const queue = [...units];
  const stop = new AbortController();
  const ended = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const threads = Array.from({ length: Math.min(workers, units.length) }, async () => {
    const thread = startThread(context);
    try {
      for (let unit = queue.shift(); unit !== undefined; unit = queue.shift()) {
        ended.throwIfAborted();
        onUnit(unit, await thread.build(unit, onPhoto, ended));
      }
    } catch (error) {
      stop.abort();
      throw error;
    } finally {
      await thread.close();
    }
  });
  const failures = (await Promise.allSettled(threads)).flatMap((end) =>
    end.status === "rejected" ? [end.reason] : [],
  );
  signal?.throwIfAborted();
  // The others stopped because of the first that failed by itself.
  if (failures.length > 0) throw failures.find((error) => error !== stop.signal.reason) ?? failures[0];
}

/** What waits for the answer of a thread. */
interface Waiting {
  readonly onPhoto: (records: number) => void;
  readonly resolve: (note: UnitNote) => void;
  readonly reject: (error: unknown) => void;
}

function startThread({ folder, build, config, sources, frequencies, bank }: UnitContext) {
  const data: WorkerData = { folder, build, config, sources, frequencies: frequencies.counts(), bank };
  const worker = new Worker(workerUrl, { workerData: data });
  const send = (request: WorkerRequest) => worker.postMessage(request);
  let waiting: Waiting | undefined;
  worker.on("message", (reply: WorkerReply) => {
    if (reply.kind === "photo") waiting?.onPhoto(reply.records);
    else if (reply.kind === "done") waiting?.resolve(reply.note);
    else waiting?.reject(revive(reply));
  });
  worker.on("error", (error) => waiting?.reject(error));
  worker.on("exit", (code) => waiting?.reject(new Error(`A worker thread ended with code ${code}.`)));
  return {
    /** One at a time. After an abort it rejects when the thread has put its things away. */
    async build(unit: Unit, onPhoto: (records: number) => void, signal: AbortSignal): Promise<UnitNote> {
      const abort = () => send({ kind: "abort" });
      signal.addEventListener("abort", abort);
      try {
        return await new Promise<UnitNote>((resolve, reject) => {
          waiting = { onPhoto, resolve, reject };
          send({ kind: "unit", unit });
        });
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        waiting = undefined;
        signal.removeEventListener("abort", abort);
      }
    },
    async close(): Promise<void> {
      await worker.terminate();
    },
  };
}

function revive({ code, message, stack }: Extract<WorkerReply, { kind: "failed" }>): Error {
  if (code !== null) return new InstructCvError(code as ErrorCode, message);
  return Object.assign(new Error(message), { stack });
}
