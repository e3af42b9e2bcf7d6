/** What the calling thread and the inference worker say to each other. */
import type { CheckpointFolder } from "../checkpoints/folder.js";
import { type ErrorCode, InstructCvError } from "../errors.js";
import type { Picture } from "../image/picture.js";
import type { ModelOptions } from "./model.js";
import type { Perception, PhotoSource, SamplingOptions } from "./perceive.js";

/** Handed to the worker at its start. */
export interface WorkerData {
  /** Absolute path of a folder or file. */
  readonly path: string;
  readonly options: ModelOptions;
}

export type Request =
  | {
      readonly kind: "perceive";
      readonly id: number;
      readonly source: PhotoSource;
      readonly instruction: string;
      readonly options: SamplingOptions;
      /** Send what the model sees after every step. */
      readonly preview: boolean;
    }
  | { readonly kind: "abort"; readonly id: number }
  | { readonly kind: "close" };

export type ModelInfo = Pick<CheckpointFolder, "name" | "dir" | "defaults">;

export type Reply =
  | { readonly kind: "ready"; readonly info: ModelInfo }
  | { readonly kind: "unusable"; readonly error: WireError }
  | {
      readonly kind: "step";
      readonly id: number;
      readonly step: number;
      readonly steps: number;
      readonly preview?: Picture;
    }
  | { readonly kind: "done"; readonly id: number; readonly perception: Perception }
  | { readonly kind: "failed"; readonly id: number; readonly error: WireError };

/** Cloning between threads keeps an Error's message and stack but not its class. */
export type WireError = { readonly code: ErrorCode; readonly message: string; readonly cure?: string } | Error;

export function toWire(error: unknown): WireError {
  if (error instanceof InstructCvError) return { code: error.code, message: error.message, cure: error.cure };
  return error instanceof Error ? error : new Error(String(error));
}

export function fromWire(error: WireError): Error {
  if (error instanceof Error) return error;
  const { code, message, cure } = error;
  return new InstructCvError(code, cure ? message.slice(0, -cure.length - 1) : message, cure);
}

/** The large arrays of a result, to be moved instead of copied. */
export function arraysOf(perception: Perception): ArrayBuffer[] {
  const arrays = [...Object.values(perception), perception.picture.data].filter(ArrayBuffer.isView);
  return [
    ...new Set(
      arrays.filter(({ byteLength, buffer }) => byteLength === buffer.byteLength).map((a) => a.buffer as ArrayBuffer),
    ),
  ];
}
