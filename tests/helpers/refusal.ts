/** What an operation that has to be refused says. */
import { InstructCvError } from "../../src/errors.js";

/** The error of `run`. Throws when it was none of ours, or when nothing was refused. */
export function refusal(run: () => void): InstructCvError {
  try {
    run();
  } catch (error) {
    if (error instanceof InstructCvError) return error;
    throw error;
  }
  throw new Error("was not refused");
}
