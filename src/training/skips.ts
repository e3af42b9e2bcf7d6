/** The rule for updates whose loss or gradient norm is no number: each is left out and counted, too many in a row end the run. */
import { InstructCvError } from "../errors.js";
import { listStates, setAside } from "./state.js";

export interface Skips {
  /** Up to the last update. */
  readonly row: number;
  /** Of the whole run. */
  readonly total: number;
}

/** `reason` as in UpdateOutcome.skipped. */
export function countSkip({ row, total }: Skips, reason: string | null): Skips {
  return reason === null ? { row: 0, total } : { row: row + 1, total: total + 1 };
}

/**
 * The error that ends a run. `suspect` is a checkpoint this run wrote and from which not one update could be made: its weights may be
 * what is wrong, so it is set aside, as `suspect-step-…`, for `--resume auto` to find the one before.
 */
export async function tooManySkips(
  step: number,
  reason: string,
  { row }: Skips,
  checkpoints: string,
  suspect: string | undefined,
): Promise<InstructCvError> {
  if (suspect !== undefined) await setAside(suspect);
  const last = (await listStates(checkpoints)).at(-1);
  const before = row > 1 ? ` after ${row - 1} skipped updates in a row` : "";
  const cure = last
    ? `Lower optimizer.lr and continue with --resume auto: the last good checkpoint is ${last}.`
    : "Lower optimizer.lr and start again: there is no good checkpoint.";
  const aside = suspect === undefined ? "" : ` No update could be made from ${suspect}: it is set aside.`;
  return new InstructCvError("engine", `step ${step}: ${reason}${before}.`, cure + aside);
}
