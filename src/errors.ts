/** Every expected failure: a one-line message that says what is wrong, where, and what to do about it. */

export type ErrorCode =
  | "image"
  | "instruction"
  | "checkpoint"
  | "config"
  | "dataset"
  | "corpus"
  | "engine"
  | "usage"
  /** Something that was to be scored cannot be: of another size than the truth, not finite, of an unknown image. */
  | "prediction";

export class InstructCvError extends Error {
  override readonly name = "InstructCvError";
  constructor(
    readonly code: ErrorCode,
    /** One line: the file, what was expected, what was found. */
    message: string,
    /** What the reader should do, a sentence; appended to the message. */
    readonly cure?: string,
  ) {
    super(cure ? `${message} ${cure}` : message);
  }
}
