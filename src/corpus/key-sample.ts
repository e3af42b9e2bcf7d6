/** A random sample of known size from a stream of unknown length. */
import { createRng } from "../random.js";

/**
 * Keeps the items whose seeded hashes are the smallest seen, so that equal keys and seed give the same sample in whatever order they
 * come (bottom-k sampling). Of a stream of n items about `count` (1 + ln(n / count)) are ever kept.
 */
export class KeySample<T> {
  private readonly kept: { readonly hash: number; readonly key: string; readonly item: T }[] = [];

  constructor(
    private readonly count: number,
    private readonly seed: number,
  ) {}

  /** Whether an item of this key would be kept now; making it may cost something. */
  wants(key: string): boolean {
    const last = this.kept.at(-1);
    return this.kept.length < this.count || (last !== undefined && this.hash(key) < last.hash);
  }

  add(key: string, item: T): void {
    if (!this.wants(key)) return;
    const hash = this.hash(key);
    const after = this.kept.findIndex((other) => other.hash > hash || (other.hash === hash && other.key > key));
    this.kept.splice(after < 0 ? this.kept.length : after, 0, { hash, key, item });
    if (this.kept.length > this.count) this.kept.pop();
  }

  items(): T[] {
    return this.kept.map(({ item }) => item);
  }

  private hash(key: string): number {
    return createRng(`${this.seed}/${key}`).next();
  }
}
