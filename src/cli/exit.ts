/** Exit codes and the one-line errors that go with them. */
import { InstructCvError } from "../errors.js";

export const EXIT = {
  done: 0,
  /** Something failed and was named on stderr; whatever else was asked for is done. */
  failed: 1,
  /** The command line itself is wrong: nothing was done. */
  usage: 2,
  /** Stopped by Ctrl-C: 128 + SIGINT. */
  interrupted: 130,
} as const;

/** A wrong command line: what is wrong and how to write it. */
export function usageError(message: string, cure?: string): InstructCvError {
  return new InstructCvError("usage", message, cure);
}

/** Bad instructions are part of the command line; anything else that fails is work that failed. */
export function exitCodeOf(error: unknown): number {
  if (isAbort(error)) return EXIT.interrupted;
  if (error instanceof InstructCvError && (error.code === "usage" || error.code === "instruction")) return EXIT.usage;
  return EXIT.failed;
}

export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

/** `error: <subject>: <reason>` on one line; the subject is not repeated when the reason already names it. */
export function errorLine(error: unknown, subject?: string): string {
  const reason = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ").trim();
  const named = subject === undefined || reason.includes(subject) ? reason : `${subject}: ${reason}`;
  return `error: ${named}`;
}
