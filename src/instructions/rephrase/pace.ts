/** Keeps requests apart: at most so many starts a minute, and none while a server has asked for quiet. */
import { setTimeout as sleep } from "node:timers/promises";

export class Pacer {
  /** When the next request may start, on the clock of `performance.now()`. */
  private next = 0;
  private readonly interval: number;

  /** @param perMinute starts a minute; any number unless given */
  constructor(perMinute = Number.POSITIVE_INFINITY) {
    this.interval = 60_000 / perMinute;
  }

  /** Resolves when a request may start. @throws an AbortError when `signal` is aborted first */
  async turn(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    const start = Math.max(now, this.next);
    this.next = start + this.interval;
    await pause((start - now) / 1000, signal);
  }

  /** No request starts for so many seconds; those that already wait for their turn are not held. */
  hold(seconds: number): void {
    this.next = Math.max(this.next, performance.now() + seconds * 1000);
  }
}

/** Waits so many seconds. @throws an AbortError when `signal` is aborted first */
export async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (seconds > 0) await sleep(seconds * 1000, undefined, { signal });
}
