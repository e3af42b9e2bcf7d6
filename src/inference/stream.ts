/** One answer as an async iterator: what the model sees after each step, then the result. */
import type { Perception, PhotoSource } from "./perceive.js";
import type { Answering, PerceiveOptions, StepProgress } from "./perceive-options.js";

export type PerceptionEvent =
  | ({ readonly kind: "step" } & StepProgress)
  | { readonly kind: "result"; readonly perception: Perception };

/** Leaving the loop early (`break`) aborts the drawing. */
export async function* stream(
  perceiver: Answering,
  image: PhotoSource,
  instruction: string,
  { preview = true, signal, onStep, ...options }: PerceiveOptions,
): AsyncGenerator<PerceptionEvent, void, undefined> {
  const left = new AbortController();
  const events: PerceptionEvent[] = [];
  let wake: () => void = () => {};
  const asked = perceiver.perceive(image, instruction, {
    ...options,
    preview,
    signal: signal ? AbortSignal.any([signal, left.signal]) : left.signal,
    onStep(progress) {
      onStep?.(progress);
      events.push({ kind: "step", ...progress });
      wake();
    },
  });
  let settled = false;
  const end = asked
    .catch(() => {})
    .finally(() => {
      settled = true;
      wake();
    });
  try {
    while (!settled || events.length > 0) {
      yield* events.splice(0);
      if (!settled && events.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
    yield { kind: "result", perception: await asked };
  } finally {
    left.abort();
    await end;
  }
}
