/** Progress of a model's download. */
import type { DownloadProgress } from "../inference/index.js";
import { type Progress, startProgress } from "./progress.js";
import type { Terminal } from "./terminal.js";

/** Counts what this run fetches, so that rate and time left are those of the network. */
export function downloadBar(terminal: Terminal) {
  let progress: Progress | undefined;
  let before = 0;
  return {
    update({ file, bytesDone, bytesTotal, filesDone, files }: DownloadProgress) {
      if (progress === undefined) {
        before = bytesDone;
        progress = startProgress(terminal, megabytes(bytesTotal - before), "MB");
      }
      progress.update(megabytes(bytesDone - before), `(${Math.min(filesDone + 1, files)} of ${files}: ${file})`);
    },
    interrupt: (print: () => void) => (progress ? progress.interrupt(print) : print()),
    stop: () => progress?.stop(),
  };
}

const megabytes = (bytes: number) => Math.round(bytes / 1e6);
