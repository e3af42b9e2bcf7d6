/** A group of processes on PyTorch's c10d that train one model: they add up numbers, exchange texts and average gradients. */
import { InstructCvError } from "../../errors.js";
import type { Tensor } from "../tensor.js";
import { loadNative, type NativeBinding } from "./native.js";
import { handleOf } from "./scopes.js";

export type Backend = "gloo" | "nccl";

export interface GroupOptions {
  /** "gloo" between CPUs, "nccl" between GPUs. */
  readonly backend: Backend;
  /** Where this process's tensors are, such as "cpu" or "cuda:1". */
  readonly device: string;
  /** 0..world-1. */
  readonly rank: number;
  readonly world: number;
  /** Where the ranks find each other: a TCP store that rank 0 serves, or with `serve` false the launcher. */
  readonly host: string;
  readonly port: number;
  readonly serve: boolean;
  /** Of this group's keys in the store. */
  readonly prefix: string;
  /** How long to wait for another rank, to join and at every exchange. */
  readonly timeoutSeconds: number;
}

/** Every rank must make the same calls in the same order. Each throws InstructCvError("engine") when a rank is gone. */
export interface ProcessGroup {
  readonly rank: number;
  readonly world: number;
  /** Elementwise sums over the ranks, the same bits on all. */
  sum(values: readonly number[]): number[];
  /** Float32 tensors become their means over the ranks, the same bits on all. */
  average(tensors: readonly Tensor[]): void;
  /** A text for every rank to look up; each key once. */
  publish(key: string, text: string): void;
  /** Waits until a rank has published it. */
  lookUp(key: string): string;
  leave(): void;
}

/** As in PyTorch's DistributedDataParallel: large enough to use the network well, small enough to be copied while others travel. */
const bucketBytes = 25 * 2 ** 20;

const missing: Record<Backend, string> = {
  gloo: "Build against a libtorch with Gloo (every pip torch and Debian's libtorch-dev have it), then `npm run setup`.",
  nccl: "Build against a CUDA torch with NCCL and its headers (pip install torch), then `npm run setup`.",
};

/**
 * Joins the group; returns when every rank has. Throws InstructCvError("engine") when the binding was built without the backend or
 * a rank does not come in time.
 */
export function joinProcessGroup(options: GroupOptions): ProcessGroup {
  const { backend, rank, world, host, port, timeoutSeconds } = options;
  const native = loadNative();
  if (!native.distributedBackends().includes(backend)) {
    throw new InstructCvError(
      "engine",
      `training in ${world} processes needs ${backend}, which libtorch ${native.version} here was built without.`,
      missing[backend],
    );
  }
  const timeout = Math.round(timeoutSeconds * 1000);
  try {
    native.joinGroup(backend, host, port, options.serve, rank, world, timeout, options.prefix);
  } catch (cause) {
    throw new InstructCvError(
      "engine",
      `rank ${rank} of ${world}: not all ranks met at ${host}:${port} within ${timeoutSeconds} s (${shortened(cause)}).`,
      "Start WORLD_SIZE processes, let all reach MASTER_ADDR, and give each run a MASTER_PORT of its own.",
    );
  }
  return groupOf(native, options);
}

function groupOf(native: NativeBinding, { rank, world, device, timeoutSeconds }: GroupOptions): ProcessGroup {
  const attempt = <T>(fn: () => T): T => {
    try {
      return fn();
    } catch (cause) {
      throw new InstructCvError(
        "engine",
        `rank ${rank} of ${world}: another rank ended or did not answer within ${timeoutSeconds} s (${shortened(cause)}).`,
        "Its own output says why; then start all ranks again with --resume.",
      );
    }
  };
  return {
    rank,
    world,
    sum: (values) => [...attempt(() => native.sumNumbers(Float64Array.from(values), device))],
    average: (tensors) => attempt(() => native.averageTensors(Int32Array.from(tensors, handleOf), bucketBytes)),
    publish: (key, text) => attempt(() => native.publish(key, text)),
    lookUp: (key) => attempt(() => native.lookUp(key)),
    leave: () => native.leaveGroup(),
  };
}

/** Without the place in Gloo's sources, and its advice. */
function shortened(cause: unknown): string {
  return (cause as Error).message
    .replace(/^(\[[^\]]*\]\s*)+/, "")
    .replace(/ This is typically .*$/, "")
    .replace(/\.$/, "");
}
