/** Progress on stderr: a bar with rate and time left on a screen, a line now and then in a log. */
import { SingleBar } from "cli-progress";
import type { Terminal } from "./terminal.js";

export interface Progress {
  /** `done` of the total are finished; `note` (a few words) follows the time left. */
  update(done: number, note?: string): void;
  /** Prints something without tearing the bar. */
  interrupt(print: () => void): void;
  stop(): void;
}

/** Seconds between lines in a log. */
const LOG_EVERY = 15;

/** `unit` is what is counted, in the plural. A total of 1 shows nothing. */
export function startProgress(terminal: Terminal, total: number, unit: string): Progress {
  if (total <= 1) return { update: () => {}, interrupt: (print) => print(), stop: () => {} };
  const start = performance.now();
  const status = (done: number) => {
    const seconds = (performance.now() - start) / 1000;
    const rate = done / Math.max(seconds, 1e-3);
    return { rate: rate.toFixed(rate < 10 ? 1 : 0), left: done > 0 ? duration((total - done) / rate) : "?" };
  };
  return terminal.live ? screenProgress(total, unit, status) : logProgress(terminal, total, unit, status);
}

type Status = (done: number) => { rate: string; left: string };

function screenProgress(total: number, unit: string, status: Status): Progress {
  const bar = new SingleBar({
    format: `{bar} {value}/{total} ${unit}, {rate}/s, {left} left {note}`,
    stream: process.stderr,
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
  });
  bar.start(total, 0, { rate: "-", left: "?", note: "" });
  return {
    update: (done, note = "") => bar.update(done, { ...status(done), note }),
    interrupt(print) {
      process.stderr.write("\r\x1b[K");
      print();
    },
    stop: () => bar.stop(),
  };
}

function logProgress(terminal: Terminal, total: number, unit: string, status: Status): Progress {
  let last = performance.now();
  return {
    update(done, note = "") {
      const now = performance.now();
      if (now - last < LOG_EVERY * 1000 || done >= total) return;
      last = now;
      const { rate, left } = status(done);
      terminal.note(`${done}/${total} ${unit}, ${rate}/s, ${left} left ${note}`.trimEnd());
    },
    interrupt: (print) => print(),
    stop: () => {},
  };
}

/** 42 s, 7 min, 2 h 05 min. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}
