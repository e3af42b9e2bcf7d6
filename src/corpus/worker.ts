/** A thread that makes shards, one after the other, as the main thread hands them out. */
import { parentPort, workerData } from "node:worker_threads";
import { InstructCvError } from "../errors.js";
import type { Bank } from "../instructions/bank.js";
import type { CorpusConfig } from "./config.js";
import type { Unit } from "./plan.js";
import type { Source } from "./pool.js";
import { Frequencies, type FrequencyCounts } from "./sampling.js";
import { buildUnit, type UnitNote } from "./unit.js";

export interface WorkerData {
  readonly folder: string;
  readonly build: string;
  readonly config: CorpusConfig;
  readonly sources: readonly Source[];
  readonly frequencies: FrequencyCounts;
  readonly bank: Bank;
}

/** Main thread to worker. */
export type WorkerRequest = { readonly kind: "unit"; readonly unit: Unit } | { readonly kind: "abort" };

/** Worker to main thread. */
export type WorkerReply =
  | { readonly kind: "photo"; readonly records: number }
  | { readonly kind: "done"; readonly note: UnitNote }
  /** `code` when it is an InstructCvError. */
  | { readonly kind: "failed"; readonly message: string; readonly code: string | null; readonly stack?: string };

const port = parentPort!;
const data = workerData as WorkerData;
const context = { ...data, frequencies: Frequencies.of(data.frequencies) };
const stop = new AbortController();
const reply = (message: WorkerReply) => port.postMessage(message);

port.on("message", async (request: WorkerRequest) => {
  if (request.kind === "abort") {
    stop.abort();
    return;
  }
  try {
    const onPhoto = (records: number) => reply({ kind: "photo", records });
    reply({ kind: "done", note: await buildUnit(request.unit, context, onPhoto, stop.signal) });
  } catch (error) {
    const { message, stack } = error as Error;
    reply({ kind: "failed", message, code: error instanceof InstructCvError ? error.code : null, stack });
  }
});
