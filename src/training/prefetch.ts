/** Asks for the batches of the next updates before they are needed. */
import type { Loader } from "./batch.js";
import type { TrainConfig } from "./config.js";
import type { Team } from "./distributed.js";

/** Number of batch i of an update: its world * accumulate batches are dealt to the ranks in order. */
export function batchIndex(
  update: number,
  i: number,
  accumulate: number,
  { rank, world }: Pick<Team, "rank" | "world">,
) {
  return ((update - 1) * world + rank) * accumulate + i;
}

/**
 * A loader whose next `depth` answers are under way, in the order in which updates from `first` on ask; what they ask is the same
 * without. An answer that failed throws when it is asked for. 0 asks for nothing ahead.
 */
export function prefetch(
  loader: Loader,
  { optimizer, loss }: TrainConfig,
  team: Pick<Team, "rank" | "world">,
  first: number,
  depth: number,
): Loader {
  const { photos: count } = loss.auxiliary;
  function* requests() {
    for (let update = first; ; update++) {
      for (let i = 0; i < optimizer.accumulate; i++) yield batchOf(batchIndex(update, i, optimizer.accumulate, team));
      if (count > 0) yield photosOf(update - 1);
    }
  }
  const batchOf = (step: number) => ({ name: `batch ${step}`, ask: () => loader.batch(step) });
  const photosOf = (step: number) => ({ name: `${count} photos ${step}`, ask: () => loader.photos(step, count) });
  const coming = requests();
  const ahead: { readonly name: string; readonly answer: Promise<unknown> }[] = [];
  const fill = () => {
    while (ahead.length < depth) {
      const { name, ask } = coming.next().value!;
      const answer = ask();
      // Thrown to whoever asks; until then it is nobody's.
      answer.catch(() => {});
      ahead.push({ name, answer });
    }
  };
  const take = <T>(name: string, ask: () => Promise<T>): Promise<T> => {
    const found = ahead[0]?.name === name ? ahead.shift() : undefined;
    const answer = found ? (found.answer as Promise<T>) : ask();
    fill();
    return answer;
  };
  fill();
  return {
    batch: (step) => take(`batch ${step}`, () => loader.batch(step)),
    photos: (step, wanted) => take(`${wanted} photos ${step}`, () => loader.photos(step, wanted)),
    close: () => loader.close(),
  };
}
