/** Activation checkpointing (arXiv 1604.06174): parts of a forward pass that are made again when backward comes to them. */
import type { Tensor } from "../tensor.js";
import type { NativeBinding } from "./native.js";
import { handleOf, type Scopes } from "./scopes.js";

/** Where the graph is cut: what comes after sees `leaf`, which has no history and collects a gradient. */
interface Cut {
  readonly leaf: Tensor;
  /** The values of `leaf` with their history. */
  readonly source: () => Tensor;
  /** Taken over from the caller, to be let go with the leaf. */
  readonly held: Tensor | null;
}

/**
 * The cuts of a forward pass, undone in reverse order by `backward`: each source gets the gradient that its leaf collected. A hook of
 * autograd could not do it, for on a GPU its threads cannot call JavaScript. Leaves live outside every scope, so that a block may free
 * what it made; what no backward came to is let go when the outermost scope ends.
 */
export class Tape {
  readonly #native: NativeBinding;
  readonly #scopes: Scopes;
  readonly #detach: (x: Tensor) => Tensor;
  readonly #cuts: Cut[] = [];

  /** `detach`: the same values, without history. */
  constructor(native: NativeBinding, scopes: Scopes, detach: (x: Tensor) => Tensor) {
    this.#native = native;
    this.#scopes = scopes;
    this.#detach = detach;
    scopes.onceAllEnded(() => this.#discard());
  }

  /** Ops.checkpoint. */
  checkpoint(fn: () => Tensor): Tensor {
    const recording = this.#native.setGradMode(false);
    try {
      const made = this.#scopes.tidy(fn);
      return recording ? this.#cut(made, fn, null) : made;
    } finally {
      this.#native.setGradMode(recording);
    }
  }

  /** Ops.cut. */
  cut(x: Tensor): Tensor {
    const recording = this.#native.setGradMode(true);
    this.#native.setGradMode(recording);
    return recording && !this.#native.isLeaf(handleOf(x)) ? this.#cut(x, () => x, this.#scopes.keep(x)) : x;
  }

  /** Autograd's backward from `root`, then through the cuts that come after the first `from`. */
  backward(root: Tensor, gradient: Tensor | null = null, from = 0): void {
    this.#native.backward(handleOf(root), gradient && handleOf(gradient));
    while (this.#cuts.length > from) this.#undo(this.#cuts.pop()!);
  }

  #cut(x: Tensor, source: () => Tensor, held: Tensor | null): Tensor {
    const leaf = this.#scopes.keep(this.#detach(x));
    this.#native.setRequiresGrad(handleOf(leaf), true);
    this.#cuts.push({ leaf, source, held });
    return leaf;
  }

  #undo({ leaf, source, held }: Cut): void {
    try {
      this.#scopes.tidy(() => {
        const handle = this.#native.grad(handleOf(leaf));
        this.#scopes.dispose(leaf);
        if (handle === null) return;
        const gradient = this.#scopes.own(handle);
        const x = source();
        // Nothing trained may stand behind a checkpoint: its function ran unrecorded, so nobody could know.
        if (this.#native.requiresGrad(handleOf(x))) this.backward(x, gradient, this.#cuts.length);
      });
    } finally {
      this.#scopes.dispose([leaf, held]);
    }
  }

  #discard(): void {
    for (const { leaf, held } of this.#cuts.splice(0)) this.#scopes.dispose([leaf, held]);
  }
}
