/** Parsers of option values; a value out of range is a usage error that states the range. */
import { InvalidArgumentError } from "commander";

/** A whole number in [min, max], written in plain digits. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** A decimal number in [min, max]. */
export function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= min && value <= max)) {
      throw new InvalidArgumentError(`Expected a number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** For options that may be given several times. */
export function collect(text: string, earlier: readonly string[] | undefined): string[] {
  return [...(earlier ?? []), text];
}

/** One of a few words; may be given several times. */
export function oneOf<T extends string>(
  ...words: readonly T[]
): (text: string, earlier: readonly T[] | undefined) => T[] {
  return (text, earlier) => {
    const word = words.find((known) => known === text);
    if (word === undefined) throw new InvalidArgumentError(`Expected one of: ${words.join(", ")}.`);
    return [...(earlier ?? []), word];
  };
}
