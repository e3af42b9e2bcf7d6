/** Which record comes next: a function of a random generator alone, so that step n of a run never depends on its history. */
import type { Rng } from "../random.js";
import type { TaskName } from "../tasks/task.js";
import type { CategoryGroups, Store, StoredSample } from "./store.js";

export interface DrawOptions {
  readonly weights: Readonly<Record<TaskName, number>>;
  readonly negatives: Readonly<Record<"segmentation" | "detection" | "classification", number>>;
  readonly category_balance: number;
}

/** Cumulative weights prepared once; `draw` costs a few random numbers. */
export interface Drawer {
  draw(rng: Rng): StoredSample;
}

export function createDrawer(store: Store, options: DrawOptions): Drawer {
  const tasks = (Object.keys(options.weights) as TaskName[])
    .map((task) => {
      const { positive, negative } = store.groups[task];
      const wanted = task === "depth" ? 0 : options.negatives[task];
      const negatives = positive.length === 0 ? 1 : negative.length === 0 ? 0 : wanted;
      const empty = positive.length + negative.length === 0;
      return { weight: empty ? 0 : options.weights[task], negatives, positive, negative };
    })
    .filter((task) => task.weight > 0);
  const pickTask = weighted(tasks.map((task) => task.weight));
  const sides = tasks.map((task) => ({
    positive: weighted(balance(task.positive, options.category_balance)),
    negative: weighted(balance(task.negative, options.category_balance)),
  }));
  return {
    draw(rng) {
      const t = pickTask(rng);
      const side = rng.next() < tasks[t]!.negatives ? "negative" : "positive";
      return rng.pick(tasks[t]![side][sides[t]![side](rng)]!);
    },
  };
}

/** count^(1 - balance): uniform over records at 0, over categories at 1. */
function balance(groups: CategoryGroups, amount: number): number[] {
  return groups.map((group) => group.length ** (1 - amount));
}

/** Index i with probability weight[i] / sum. */
function weighted(weights: readonly number[]): (rng: Rng) => number {
  let total = 0;
  const ends = weights.map((weight) => {
    total += weight;
    return total;
  });
  return (rng) => {
    const at = rng.next() * total;
    const found = ends.findIndex((end) => at < end);
    return found < 0 ? ends.length - 1 : found;
  };
}
