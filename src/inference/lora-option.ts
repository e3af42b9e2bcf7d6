/** `--lora FILE[:WEIGHT]`: an adapter by its path, and how much of it to add. */
import { InstructCvError } from "../errors.js";

export interface LoraChoice {
  /** A safetensors file, or a folder with `pytorch_lora_weights.safetensors`. */
  readonly path: string;
  /** 1 as it was trained. @default 1 */
  readonly weight: number;
}

/**
 * What follows the last colon is the weight if it is a number; the colon of a Windows drive is part of the path.
 * Throws InstructCvError("usage") for no path, or a weight that is not a finite number.
 *
 * @example parseLoraOption("C:\\loras\\ink.safetensors:0.6") // { path: "C:\\loras\\ink.safetensors", weight: 0.6 }
 */
export function parseLoraOption(text: string): LoraChoice {
  const [, path, tail] = /^(.{2,}):([^:\\/]*)$/s.exec(text) ?? [];
  const isNumber = tail !== undefined && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(tail) && Number.isFinite(+tail);
  if (path !== undefined && isNumber) return { path, weight: Number(tail) };
  // A colon may be part of a file's name, but not after the extension.
  const badWeight = path?.toLowerCase().endsWith(".safetensors");
  if (text === "" || badWeight)
    throw new InstructCvError(
      "usage",
      badWeight ? `--lora ${text}: the weight "${tail}" is not a number.` : "--lora needs a file.",
      "Write FILE or FILE:WEIGHT, such as --lora ink.safetensors:0.6.",
    );
  return { path: text, weight: 1 };
}
