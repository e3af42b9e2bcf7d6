/** The two streams of a command: results on stdout, everything else on stderr; and its stop signal. */
export interface Terminal {
  /** A line of results. */
  out(line: string): void;
  /** A line for people: errors, progress, notes. */
  note(line: string): void;
  /** Whether stderr is a screen that can redraw its last line. */
  readonly live: boolean;
  /** Aborted by Ctrl-C, by a request to end, or when nobody reads stdout any more. */
  readonly signal: AbortSignal;
}

/** The process's own streams. A second Ctrl-C ends the process at once. */
export function processTerminal(): Terminal {
  const stop = new AbortController();
  const abort = () => stop.abort();
  process.once("SIGINT", abort);
  process.once("SIGTERM", abort);
  process.stdout.on("error", abort);
  return {
    out: (line) => process.stdout.write(`${line}\n`),
    note: (line) => process.stderr.write(`${line}\n`),
    live: process.stderr.isTTY === true,
    signal: stop.signal,
  };
}
