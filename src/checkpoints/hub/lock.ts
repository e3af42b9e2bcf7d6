/** One process at a time fetches a file; the others wait for it. Only to save the network: writing twice does no harm. */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** Milliseconds without a sign of life after which a holder counts as gone, and between its signs. */
const abandoned = 30_000;
const heartbeat = 5_000;
const poll = 200;

/** Runs `body` while holding the lock file. @throws AbortError while waiting */
export async function withLock<T>(path: string, signal: AbortSignal | undefined, body: () => Promise<T>): Promise<T> {
  const mine = `${process.pid} ${hostname()} ${randomUUID()}`;
  await mkdir(dirname(path), { recursive: true });
  while (!(await take(path, mine))) {
    if (await isAbandoned(path)) await rm(path, { force: true });
    else await wait(poll, undefined, { signal });
  }
  const alive = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), heartbeat);
  alive.unref();
  try {
    return await body();
  } finally {
    clearInterval(alive);
    if ((await readFile(path, "utf8").catch(() => "")) === mine) await rm(path, { force: true });
  }
}

function take(path: string, mine: string): Promise<boolean> {
  return writeFile(path, mine, { flag: "wx" }).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") return false;
      throw error;
    },
  );
}

async function isAbandoned(path: string): Promise<boolean> {
  const [info, text] = await Promise.all([stat(path), readFile(path, "utf8")]).catch(() => [null, ""] as const);
  if (info === null) return false;
  if (Date.now() - info.mtimeMs > abandoned) return true;
  const [pid, host] = text.split(" ");
  return host === hostname() && !isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
