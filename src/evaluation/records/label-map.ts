/** All classes of a dataset, asked one by one, put together to one label map of the photo: the usual semantic segmentation. */
import type { MapFacts } from "./record.js";

const IGNORE = 255;
/** In `#truth`: nobody knows, or two classes claim the pixel. In both maps 0 is the background and k + 1 the k-th class. */
const UNCOUNTED = 65535;

/** Takes the classes of one photo in turn, so that 150 of them need no more memory than two maps. */
export class LabelMap {
  readonly #names: string[] = [];
  readonly #truth: Uint16Array;
  readonly #found: Uint16Array;
  readonly #best: Float32Array;

  constructor(pixels: number) {
    this.#truth = new Uint16Array(pixels);
    this.#found = new Uint16Array(pixels);
    this.#best = new Float32Array(pixels).fill(0.5);
  }

  /**
   * A pixel is of the class with the highest probability, of the background where none is above 0.5; of equal ones the first wins.
   * @param truth 1 = class, 0 = other, 255 = not counted: such a pixel counts if another class has it for certain
   */
  add(category: string, truth: Uint8Array, probability: Float32Array): void {
    this.#names.push(category);
    const value = this.#names.length;
    for (let i = 0; i < truth.length; i++) {
      if (truth[i] === 1) this.#truth[i] = this.#claimed(this.#truth[i]!) ? UNCOUNTED : value;
      else if (truth[i] === IGNORE && this.#truth[i] === 0) this.#truth[i] = UNCOUNTED - 1;
      const p = probability[i]!;
      if (p > this.#best[i]!) {
        this.#best[i] = p;
        this.#found[i] = value;
      }
    }
  }

  /** Whether a class has the pixel already, or two of them. */
  #claimed(value: number): boolean {
    return value !== 0 && value !== UNCOUNTED - 1;
  }

  facts(): MapFacts {
    const side = this.#names.length + 1;
    const counts = new Map<number, number>();
    for (let i = 0; i < this.#truth.length; i++) {
      const truth = this.#truth[i]!;
      if (truth >= UNCOUNTED - 1) continue;
      const pair = truth * side + this.#found[i]!;
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    const name = (value: number) => (value === 0 ? null : this.#names[value - 1]!);
    return {
      kind: "map",
      confusion: [...counts]
        .sort(([a], [b]) => a - b)
        .map(([pair, pixels]) => [name(Math.floor(pair / side)), name(pair % side), pixels] as const),
    };
  }
}
