/** run.json: which program, machine and code each start of a run had, and how it was started. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { arch, availableParallelism, cpus, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { InstructCvError } from "../errors.js";
import { writeAtomic } from "../files.js";
import { packageVersion } from "../version.js";
import type { Session } from "./session.js";
import type { Work } from "./work.js";

const count = z.number().min(0);

const startSchema = z.object({
  /** ISO 8601, UTC. */
  started: z.string(),
  /** Optimizer updates done before. */
  step: count,
  /** The checkpoint continued from; null for a new run. */
  resumed_from: z.string().nullable(),
  command: z.array(z.string()),
  working_folder: z.string(),
  versions: z.object({ instructcv: z.string(), node: z.string(), libtorch: z.string() }),
  machine: z.object({
    platform: z.string(),
    processor: z.string(),
    cores: count,
    memory_bytes: count,
    device: z.string(),
    precision: z.string(),
  }),
  /** Of the working folder's repository; null outside one. `dirty`: files differ from the commit. */
  git: z.object({ commit: z.string(), dirty: z.boolean() }).nullable(),
  /** See Work. */
  flops_per_update: count,
  limit_flops_per_second: count,
});
export type RunStart = z.infer<typeof startSchema>;

const infoSchema = z.object({ format: z.literal("instructcv-run/1"), name: z.string(), starts: z.array(startSchema) });
export type RunInfo = z.infer<typeof infoSchema>;

/** Adds this start to `<out>/run.json`; a run that continues no checkpoint begins the file anew. */
export async function recordStart(
  out: string,
  { config, torch }: Session,
  work: Work,
  { step, from }: { readonly step: number; readonly from: string | undefined },
): Promise<void> {
  const start: RunStart = {
    started: new Date().toISOString(),
    step,
    resumed_from: from ?? null,
    command: process.argv,
    working_folder: process.cwd(),
    versions: { instructcv: packageVersion(), node: process.versions.node, libtorch: torch.version },
    machine: {
      platform: `${platform()} ${release()} ${arch()}`,
      processor: cpus()[0]?.model.trim() ?? "unknown",
      cores: availableParallelism(),
      memory_bytes: totalmem(),
      device: torch.device,
      precision: config.compute.dtype,
    },
    git: await gitState(),
    flops_per_update: work.flopsPerUpdate,
    limit_flops_per_second: work.limit,
  };
  const earlier = from === undefined ? [] : ((await readRunInfo(out))?.starts ?? []);
  const info: RunInfo = { format: "instructcv-run/1", name: config.name, starts: [...earlier, start] };
  await writeAtomic(join(out, "run.json"), `${JSON.stringify(info, null, 2)}\n`);
}

/** Null when the folder has none, as runs of earlier versions. Throws InstructCvError("checkpoint") for a damaged file. */
export async function readRunInfo(out: string): Promise<RunInfo | null> {
  const path = join(out, "run.json");
  const text = await readFile(path, "utf8").catch(() => null);
  if (text === null) return null;
  try {
    return infoSchema.parse(JSON.parse(text));
  } catch {
    throw new InstructCvError(
      "checkpoint",
      `${path}: expected what instructcv writes there, found something else.`,
      "Remove the file: it only describes the run.",
    );
  }
}

/** Null without git or outside a repository. */
export async function gitState(folder: string = process.cwd()): Promise<RunStart["git"]> {
  const git = async (...args: string[]) => (await promisify(execFile)("git", args, { cwd: folder })).stdout.trim();
  try {
    const commit = await git("rev-parse", "HEAD");
    return { commit, dirty: (await git("status", "--porcelain")) !== "" };
  } catch {
    return null;
  }
}
