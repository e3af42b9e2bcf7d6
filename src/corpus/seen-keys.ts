/** Remembers which texts have been seen in 16 to 32 bytes each, so that millions of keys can be compared. */
import { createHash } from "node:crypto";

/**
 * A set of 64-bit hashes with open addressing. Among ten million texts the chance that two share a hash is about 3 in a million.
 */
export class SeenKeys {
  private slots = new BigUint64Array(1024);
  private used = 0;

  get size(): number {
    return this.used;
  }

  has(text: string): boolean {
    return this.slots[this.find(hash64(text))] !== 0n;
  }

  /** False when the text was there before. */
  add(text: string): boolean {
    const hash = hash64(text);
    const at = this.find(hash);
    if (this.slots[at] !== 0n) return false;
    this.slots[at] = hash;
    this.used++;
    if (2 * this.used > this.slots.length) this.grow();
    return true;
  }

  /** The slot that holds the hash, or the free one where it belongs. */
  private find(hash: bigint): number {
    let at = Number(hash & BigInt(this.slots.length - 1));
    while (this.slots[at] !== 0n && this.slots[at] !== hash) at = (at + 1) % this.slots.length;
    return at;
  }

  private grow(): void {
    const old = this.slots;
    this.slots = new BigUint64Array(2 * old.length);
    for (const hash of old) if (hash !== 0n) this.slots[this.find(hash)] = hash;
  }
}

/** Never 0, which marks a free slot. */
function hash64(text: string): bigint {
  return createHash("sha1").update(text).digest().readBigUInt64LE() || 1n;
}
