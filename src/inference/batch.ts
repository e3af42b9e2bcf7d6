/** Several photos and sentences in one call: answers in order, each as soon as it is there. */
import type { Perception, PhotoSource } from "./perceive.js";
import type { Answering, PerceiveOptions } from "./perceive-options.js";

export interface BatchOptions extends Omit<PerceiveOptions, "seed"> {
  /** One for all, or one for each pair of photo and sentence (both 0-based). @default 0 */
  readonly seed?: number | ((photo: number, instruction: number) => number);
}

/** Where it belongs, and either what was seen or why not. */
export type BatchAnswer = { readonly photo: number; readonly instruction: number } & (
  | { readonly perception: Perception; readonly error?: undefined }
  | { readonly perception?: undefined; readonly error: Error }
);

/** Requests under way: one is computed while the next photo is on its way to the worker. */
const UNDER_WAY = 2;

/**
 * Every sentence about every photo, photo by photo. One that fails (an unreadable photo) gives its error and does not stop the others;
 * only the caller's signal does. Leaving the loop early aborts what is under way. A network takes as long for several pictures at once
 * as one after the other on a CPU, so memory stays that of one.
 */
export async function* perceiveAll(
  perceiver: Answering,
  photos: readonly PhotoSource[],
  instructions: readonly string[],
  { seed = 0, signal, ...options }: BatchOptions,
): AsyncGenerator<BatchAnswer, void, undefined> {
  const left = new AbortController();
  const either = signal ? AbortSignal.any([signal, left.signal]) : left.signal;
  const pairs = photos.flatMap((_, photo) => instructions.map((_, instruction) => ({ photo, instruction })));
  const ask = async ({ photo, instruction }: (typeof pairs)[number]): Promise<BatchAnswer> => {
    try {
      const own = typeof seed === "number" ? seed : seed(photo, instruction);
      const all = { ...options, seed: own, signal: either };
      return {
        photo,
        instruction,
        perception: await perceiver.perceive(photos[photo]!, instructions[instruction]!, all),
      };
    } catch (error) {
      return { photo, instruction, error: error instanceof Error ? error : new Error(String(error)) };
    }
  };
  const underWay: Promise<BatchAnswer>[] = [];
  let next = 0;
  try {
    while (underWay.length > 0 || next < pairs.length) {
      while (underWay.length < UNDER_WAY && next < pairs.length) underWay.push(ask(pairs[next++]!));
      const answer = await underWay.shift()!;
      signal?.throwIfAborted();
      yield answer;
    }
  } finally {
    left.abort();
    await Promise.all(underWay);
  }
}
