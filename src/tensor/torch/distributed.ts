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
  /**
   * Float32 leaves whose gradients are to be averaged from now on, first those that backward reaches first: it is their order of leaving.
   * They must be the same on all ranks, and live until `leave` or the next plan.
   */
  planAverages(weights: readonly Tensor[]): void;
  /**
   * Runs the last backward pass of an update, which reaches no weight in two calls of the engine. Gradients leave meanwhile, in buckets,
   * as soon as they are complete; those that it does not reach leave at its end, with what earlier passes gave them. Returns the
   * share of the bytes that were under way when the pass ended. When it throws, nothing stays armed, and the plan is gone.
   */
  launchDuring(backward: () => void): number;
  /**
   * Every gradient becomes its mean over the ranks, the same bits on all and whether or not anything left earlier. A rank without a
   * gradient counts as zero; a weight that no rank has one for stays without.
   */
  finishAverages(): void;
  /** A text for every rank to look up; each key once. */
  publish(key: string, text: string): void;
  /** Waits until a rank has published it. */
  lookUp(key: string): string;
  leave(): void;
}

/** As in PyTorch's DistributedDataParallel: large enough to use the network well, small enough to be copied while others travel. */
const bucketBytes = 25 * 2 ** 20;
/** A small model has to be cut too, or nothing could leave before its last gradient is there. */
const leastBuckets = 8;

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
  let bytes = 0;
  return {
    rank,
    world,
    sum: (values) => [...attempt(() => native.sumNumbers(Float64Array.from(values), device))],
    planAverages(weights) {
      bytes = 4 * weights.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);
      const limit = Math.min(bucketBytes, Math.ceil(bytes / leastBuckets));
      native.planAverages(Int32Array.from(weights, handleOf), limit);
    },
    launchDuring(backward) {
      native.armAverages();
      try {
        backward();
      } catch (error) {
        native.dropAverages();
        throw error;
      }
      return attempt(() => native.launchAverages()) / bytes;
    },
    finishAverages: () => attempt(() => native.finishAverages()),
    publish: (key, text) => attempt(() => native.publish(key, text)),
    lookUp: (key) => attempt(() => native.lookUp(key)),
    leave() {
      native.dropAverages();
      native.leaveGroup();
    },
  };
}

/** Without the place in Gloo's sources, and its advice. */
function shortened(cause: unknown): string {
  return (cause as Error).message
    .replace(/^(\[[^\]]*\]\s*)+/, "")
    .replace(/ This is typically .*$/, "")
    .replace(/\.$/, "");
}
