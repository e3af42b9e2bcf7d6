/** One trainer a run folder at a time: a lock file, taken over when the process that made it is gone. */
import { randomUUID } from "node:crypto";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { InstructCvError } from "../errors.js";

export interface RunLock {
  /** @throws {InstructCvError} "usage" when somebody has removed the lock or taken it over */
  check(): Promise<void>;
  release(): Promise<void>;
}

export interface LockTimes {
  /** Milliseconds between signs of life: changes of the lock file's time. @default 15000 */
  readonly beat?: number;
  /** A lock of another machine that shows no sign of life for so many milliseconds is dead. @default 120000 */
  readonly silence?: number;
}

/** What the lock file holds, as JSON. */
interface Holder {
  readonly host: string;
  readonly pid: number;
  /** Tells a process from a later one of the same number; null where the system does not say. */
  readonly born: string | null;
  readonly id: string;
}

const fileName = "lock.json";

/**
 * Locks the existing folder `out`. A lock of a process of this machine that has ended is taken over at once. Whether a process of
 * another machine lives cannot be asked: its lock is watched for `silence` and taken over if it shows no sign of life.
 * @throws {InstructCvError} "usage" when another trainer is at work there
 */
export async function lockRun(out: string, note: (line: string) => void, times: LockTimes = {}): Promise<RunLock> {
  const { beat = 15_000, silence = 120_000 } = times;
  const path = join(out, fileName);
  const holder: Holder = {
    host: hostname(),
    pid: process.pid,
    born: await birthOf(process.pid),
    id: randomUUID(),
  };
  const mine = JSON.stringify(holder);
  while (!create(path, mine)) {
    const found = await readFile(path, "utf8").catch(() => null);
    if (found === null) continue;
    const other = parseHolder(found);
    const who = other ? `process ${other.pid} on ${other.host}` : "another process";
    const here = other?.host === holder.host;
    if (!here) note(`${path}: locked by ${who}: watching it for ${Math.round(silence / 1000)} s`);
    if (here ? await lives(other) : await beats(path, silence)) {
      throw new InstructCvError(
        "usage",
        `${out}: ${who} is training there (${path}).`,
        "Wait for it, stop it, or choose another folder.",
      );
    }
    note(`${path}: ${who} is gone, its lock is taken over`);
    await takeAway(path, found);
  }
  const timer = setInterval(() => utimes(path, new Date(), new Date()).catch(() => {}), beat);
  timer.unref();
  const held = async () => (await readFile(path, "utf8").catch(() => null)) === mine;
  return {
    async check() {
      if (await held()) return;
      throw new InstructCvError(
        "usage",
        `${path}: is no longer this trainer's: it stops without writing.`,
        "Let one trainer at a time write a run folder.",
      );
    },
    async release() {
      clearInterval(timer);
      if (await held()) await rm(path, { force: true });
    },
  };
}

/** False when the file is there already. Without a pause in between, so that hardly any kill leaves it empty. */
function create(path: string, text: string): boolean {
  let file: number;
  try {
    file = openSync(path, "wx");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  try {
    writeSync(file, text);
    return true;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/** Null for a file that a killed process has left unfinished. */
function parseHolder(text: string): Holder | null {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return null;
  }
}

async function lives({ pid, born }: Holder): Promise<boolean> {
  if (born !== null) return (await birthOf(pid)) === born;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Linux: the boot and the clock tick at which a running process began (proc(5)); null for none, and on other systems. */
async function birthOf(pid: number): Promise<string | null> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  if (status === null) return null;
  // The name, in parentheses, may hold anything; then come the state (field 3) and, as field 22, the start.
  const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return null;
  return `${(await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim()}/${fields[19]}`;
}

async function beats(path: string, silence: number): Promise<boolean> {
  const time = async () => (await stat(path).catch(() => null))?.mtimeMs;
  const before = await time();
  for (const end = performance.now() + silence; performance.now() < end; ) {
    await setTimeout(Math.min(1000, silence / 10));
    const now = await time();
    if (now === undefined) return false;
    if (now !== before) return true;
  }
  return false;
}

/** Removes the lock if it still is the one that was judged: of two who judged it, one removes it. */
async function takeAway(path: string, found: string): Promise<void> {
  const aside = join(path, "..", `.${fileName}.${process.pid}.tmp`);
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const moved = await readFile(aside, "utf8");
  if (moved !== found) create(path, moved);
  await rm(aside, { force: true });
}
