/** Training in several processes: who this one is, and what they do together. Every rank holds the whole model (data parallel). */
import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { InstructCvError } from "../errors.js";
import { joinProcessGroup, type ProcessGroup } from "../tensor/torch/distributed.js";
import type { Loader } from "./batch.js";
import type { TrainConfig } from "./config.js";
import { memoryLimit } from "./data-limits.js";
import type { Launch } from "./launch.js";
import type { Slot } from "./optimizer.js";
import type { Session } from "./session.js";

/** All ranks call the same members in the same order; what each returns is the same on all, to the bit. */
export interface Team {
  /** 0..world-1. */
  readonly rank: number;
  readonly world: number;
  /** Rank 0: the one that validates, reports and writes the files of the run. */
  readonly leads: boolean;
  /** The recipe with the device, the threads and the memory for pictures of this rank. */
  place(config: TrainConfig): TrainConfig;
  /** Elementwise sums over the ranks. */
  sum(values: readonly number[]): readonly number[];
  /** The rows of all ranks, each of the same length, in the order of the ranks. */
  gather(row: readonly number[]): readonly (readonly number[])[];
  /**
   * Runs the last backward pass of an update; gradients leave for the other ranks as soon as it has completed them. Returns the share of
   * their bytes that were under way when it ended, 0 with one rank.
   */
  lastBackward(slots: readonly Slot[], backward: () => void): number;
  /** The gradients become their means over the ranks; waits for those under way. */
  averageGradients(slots: readonly Slot[]): void;
  /** What `decide` returns on the leader; it runs there only, and its error is everybody's. Each name once. */
  decided(name: string, decide: () => Promise<string>): Promise<string>;
  /** Waits for all ranks and throws InstructCvError("engine") when they do not hold the same. */
  agreeOn(what: string, digest: () => Buffer | Promise<Buffer>): Promise<void>;
  leave(): void;
}

/** One process, which is the usual case. */
export const alone: Team = {
  rank: 0,
  world: 1,
  leads: true,
  place: (config) => config,
  sum: (values) => values,
  gather: (row) => [row],
  lastBackward(_, backward) {
    backward();
    return 0;
  },
  averageGradients() {},
  decided: (_, decide) => decide(),
  agreeOn: async () => {},
  leave() {},
};

/** Waits for the other ranks of a launch. Throws InstructCvError("engine"), see `joinProcessGroup`. */
export function joinTeam(config: TrainConfig, launch: Launch | null, timeoutSeconds: number): Team {
  if (launch === null) return alone;
  const device = config.compute.device === "cuda" ? `cuda:${launch.localRank}` : config.compute.device;
  const backend = device === "cpu" ? "gloo" : "nccl";
  return teamOf(joinProcessGroup({ ...launch, backend, device, timeoutSeconds }), launch, device);
}

function teamOf(group: ProcessGroup, { localWorld }: Launch, device: string): Team {
  const { rank, world } = group;
  const leads = rank === 0;
  const gather = (row: readonly number[]) => {
    const table = new Array<number>(row.length * world).fill(0);
    for (const [i, value] of row.entries()) table[rank * row.length + i] = value;
    const sums = group.sum(table);
    return Array.from({ length: world }, (_, r) => sums.slice(r * row.length, (r + 1) * row.length));
  };
  let planned: readonly Slot[] | null = null;
  const plan = (slots: readonly Slot[]) => {
    if (slots === planned) return;
    group.planAverages(launchOrder(slots).map(({ weight }) => weight));
    planned = slots;
  };
  return {
    rank,
    world,
    leads,
    place(config) {
      const { compute } = config;
      const share = Math.max(1, Math.floor(availableParallelism() / localWorld));
      return {
        ...config,
        data: { ...config.data, memory_mb: memoryLimit(config, localWorld) / 2 ** 20 },
        compute: { ...compute, device, threads: compute.threads ?? (localWorld > 1 ? share : null) },
      };
    },
    sum: (values) => group.sum(values),
    gather,
    lastBackward(slots, backward) {
      plan(slots);
      return group.launchDuring(backward);
    },
    averageGradients(slots) {
      plan(slots);
      group.finishAverages();
    },
    async decided(name, decide) {
      let outcome: { value: string } | { failure: string } | undefined;
      let problem: unknown;
      if (leads) {
        try {
          outcome = { value: await decide() };
        } catch (error) {
          problem = error;
          outcome = { failure: (error as Error).message };
        }
        group.publish(name, JSON.stringify(outcome));
      }
      // The others wait here: torchrun's store outlives the leader, a connection to it does not.
      group.sum([0]);
      if (problem) throw problem;
      outcome ??= JSON.parse(group.lookUp(name)) as { value: string } | { failure: string };
      if ("failure" in outcome) throw new InstructCvError("engine", `rank 0 of ${world}: ${outcome.failure}`);
      return outcome.value;
    },
    async agreeOn(what, digest) {
      const rows = gather([...(await digest())]);
      const different = rows.flatMap((row, r) => (row.join() === rows[0]!.join() ? [] : [r]));
      if (different.length === 0) return;
      throw new InstructCvError(
        "engine",
        `rank ${rank} of ${world}: ${what} of rank ${different.join(", ")} differs from rank 0's.`,
        "Give all ranks the same recipe, corpus, instructcv, libtorch and kind of processor.",
      );
    },
    leave: () => group.leave(),
  };
}

/** The parts of the networks, last to be computed first; of the training-only heads the last backward pass reaches one only. */
const backwardOrder = [
  "unet.conv_out.",
  "unet.conv_norm_out.",
  "unet.up_blocks.",
  "unet.mid_block.",
  "unet.down_blocks.",
  "unet.",
  "text_encoder.",
  "",
];

/** About the order in which backward completes the gradients, from the names alone: the same on all ranks and in every run. */
export function launchOrder<T extends Pick<Slot, "name">>(slots: readonly T[]): T[] {
  const place = ({ name }: T) => backwardOrder.findIndex((part) => name.startsWith(part));
  return [...slots].reverse().sort((a, b) => place(a) - place(b));
}

/** Of the weights, their moments and averages. */
export function digestWeights({ torch, optimizer }: Session): Buffer {
  const hash = createHash("sha256");
  for (const slot of optimizer.slots) {
    hash.update(slot.name);
    for (const field of ["weight", "first", "second", "average"] as const) hash.update(torch.read(slot[field]));
  }
  return hash.digest();
}

/** Of the recipe but for where it runs, and of the first batch, which the corpus and the tokenizer decide. */
export async function digestTask(config: TrainConfig, loader: Loader): Promise<Buffer> {
  const data = { ...config.data, workers: null, memory_mb: null };
  const recipe = JSON.stringify({ ...config, data, compute: config.compute.dtype });
  const hash = createHash("sha256").update(recipe);
  for (const part of Object.values(await loader.batch(0)))
    if (part instanceof Float32Array || part instanceof BigInt64Array) hash.update(part);
  return hash.digest();
}
