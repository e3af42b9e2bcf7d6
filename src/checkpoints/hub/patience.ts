/** How long to wait before asking again, and how often. */
import { setTimeout as wait } from "node:timers/promises";

export interface Patience {
  /** Requests in a row that may fail before giving up. */
  readonly attempts: number;
  /** Milliseconds before the second attempt; doubles from one to the next. */
  readonly delay: number;
}

export const defaultPatience: Patience = { attempts: 5, delay: 1000 };

/** The longest wait that a server may ask for, milliseconds. */
const longest = 5 * 60_000;

/** Waits before attempt `failed` + 1. `asked`: a Retry-After header, seconds or an HTTP date. @throws AbortError */
export async function pause(
  { delay }: Patience,
  failed: number,
  asked: string | null,
  signal: AbortSignal | undefined,
): Promise<void> {
  await wait(Math.min(longest, retryAfter(asked) ?? delay * 2 ** (failed - 1)), undefined, { signal });
}

function retryAfter(header: string | null): number | null {
  if (header === null) return null;
  const time = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(time) ? null : Math.max(0, time);
}
