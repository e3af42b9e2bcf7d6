/** Which record comes next: a function of a random generator alone, so that step n of a run never depends on its history. */
import { InstructCvError } from "../errors.js";
import type { Rng } from "../random.js";
import type { TaskName } from "../tasks/task.js";
import type { CategoryGroups, Store, StoredSample } from "./store.js";

export interface DrawOptions {
  readonly weights: Readonly<Record<TaskName, number>>;
  readonly negatives: Readonly<Record<"segmentation" | "detection" | "classification", number>>;
  readonly category_balance: number;
  /** Of all samples, by the name of a dataset of the corpus. @default as its records happen to come */
  readonly dataset_shares?: Readonly<Record<string, number>>;
}

/** Cumulative weights prepared once; `draw` costs a few random numbers. */
export interface Drawer {
  draw(rng: Rng): StoredSample;
}

/** Throws InstructCvError("config") for a dataset with a share of which the store has nothing to draw. */
export function createDrawer({ groups }: Pick<Store, "groups">, options: DrawOptions): Drawer {
  const shares = Object.entries(options.dataset_shares ?? {}).filter(([, share]) => share > 0);
  if (shares.length === 0) return drawerOf(groups, options);
  const named = shares.map(([name]) => name);
  const parts = shares.map(([name, share]) => ({ share, drawer: drawerOf(groupsFrom(groups, [name]), options, name) }));
  const rest = 1 - shares.reduce((sum, [, share]) => sum + share, 0);
  if (rest > 1e-9) parts.push({ share: rest, drawer: drawerOf(groupsFrom(groups, named, true), options, "others") });
  const pick = weighted(parts.map(({ share }) => share));
  return { draw: (rng) => parts[pick(rng)]!.drawer.draw(rng) };
}

/** What comes from these datasets, or from all others. */
function groupsFrom(groups: Store["groups"], datasets: readonly string[], others = false): Store["groups"] {
  const belongs = ({ record }: StoredSample) => datasets.includes(record.dataset) !== others;
  const side = (all: CategoryGroups) => all.map((group) => group.filter(belongs)).filter((group) => group.length > 0);
  const of = (task: TaskName) => ({ positive: side(groups[task].positive), negative: side(groups[task].negative) });
  return {
    segmentation: of("segmentation"),
    detection: of("detection"),
    depth: of("depth"),
    classification: of("classification"),
  };
}

function drawerOf(groups: Store["groups"], options: DrawOptions, dataset?: string): Drawer {
  const tasks = (Object.keys(options.weights) as TaskName[])
    .map((task) => {
      const { positive, negative } = groups[task];
      const wanted = task === "depth" ? 0 : options.negatives[task];
      const negatives = positive.length === 0 ? 1 : negative.length === 0 ? 0 : wanted;
      const empty = positive.length + negative.length === 0;
      return { weight: empty ? 0 : options.weights[task], negatives, positive, negative };
    })
    .filter((task) => task.weight > 0);
  if (dataset !== undefined && tasks.length === 0)
    throw new InstructCvError(
      "config",
      `data.dataset_shares: the corpus has nothing to draw from ${dataset}.`,
      "Name datasets as the corpus file does; shares that add up to 1 leave nothing to the others.",
    );
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
