/** Which of several training processes this one is, by the environment variables of torchrun, Slurm or Kubernetes. */
import { InstructCvError } from "../errors.js";

export interface Launch {
  /** 0..world-1. */
  readonly rank: number;
  /** Number of processes, at least 2. */
  readonly world: number;
  /** Number of this process on its machine: its GPU. */
  readonly localRank: number;
  /** Processes on this machine; 1 when the launcher does not say. */
  readonly localWorld: number;
  /** Where the ranks meet. */
  readonly host: string;
  readonly port: number;
  /** Whether rank 0 has to open that port; torchrun's agent does it itself. */
  readonly serve: boolean;
  /** Of the run's keys there: torchrun keeps its store when it starts the processes again. */
  readonly prefix: string;
}

/**
 * Reads RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT, or in place of the first four Slurm's SLURM_PROCID,
 * SLURM_NTASKS, SLURM_LOCALID and SLURM_NTASKS_PER_NODE. Null for a process on its own. Throws InstructCvError("usage") when one is
 * missing or no number in range.
 */
export function readLaunch(env: Readonly<Record<string, string | undefined>>): Launch | null {
  const slurm = env.WORLD_SIZE === undefined && env.SLURM_NTASKS !== undefined;
  const [worldKey, rankKey, localKey, localWorldKey] = slurm
    ? ["SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NTASKS_PER_NODE"]
    : ["WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE"];
  const whole = (key: string, low: number, high: number, otherwise?: number): number => {
    const text = env[key];
    if (text === undefined && otherwise !== undefined) return otherwise;
    const value = /^\d+$/.test(text ?? "") ? Number(text) : Number.NaN;
    if (value >= low && value <= high) return value;
    throw new InstructCvError(
      "usage",
      `the environment says ${worldKey}=${env[worldKey]}; expected ${key} to be ${low} to ${high}, found ${text ?? "nothing"}.`,
      "Start with torchrun or srun as docs/training.md shows, or unset it to train in one process.",
    );
  };
  const world = whole(worldKey, 1, 65_536, 1);
  if (world === 1) return null;
  const rank = whole(rankKey, 0, world - 1);
  const host = env.MASTER_ADDR;
  if (!host) {
    throw new InstructCvError(
      "usage",
      `${worldKey}=${world} asks for several processes, but MASTER_ADDR is not set.`,
      "Set it to the name of rank 0's machine and MASTER_PORT to a free port there.",
    );
  }
  const byAgent = env.TORCHELASTIC_USE_AGENT_STORE === "True";
  return {
    rank,
    world,
    localRank: whole(localKey, 0, world - 1, 0),
    localWorld: whole(localWorldKey, 1, world, 1),
    host,
    port: whole("MASTER_PORT", 1, 65_535),
    serve: rank === 0 && !byAgent,
    prefix: `instructcv/${env.TORCHELASTIC_RESTART_COUNT ?? 0}/`,
  };
}
