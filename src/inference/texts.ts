/** The text encoder's states of sentences, remembered. */
import type { ClipTokenizer } from "../models/tokenizer.js";
import type { ArrayTensor } from "../tensor/onnx/session.js";
import { type NetworkSource, textNetwork } from "./networks.js";
import type { SessionCache } from "./session-cache.js";

/** Sentences remembered; the states of Stable Diffusion's text encoder are a quarter of a megabyte each. */
const REMEMBERED = 256;

export class Texts {
  readonly #known = new Map<string, ArrayTensor>();

  constructor(
    private readonly folder: NetworkSource,
    private readonly tokenizer: ClipTokenizer,
    private readonly sessions: SessionCache,
  ) {}

  open() {
    return this.sessions.get("text", () => ({
      network: textNetwork(this.folder, this.tokenizer.maxLength),
      options: { optimisation: "extended" },
    }));
  }

  /** [1, L, D]; the same object for the same tokens while it is remembered. */
  async states(text: string): Promise<ArrayTensor> {
    const ids = this.tokenizer.encode(text);
    const key = ids.join();
    const known = this.#known.get(key);
    if (known) return known;
    const session = await this.open();
    const { states } = await session.run({ ids: { data: BigInt64Array.from(ids, BigInt), shape: [1, ids.length] } });
    if (this.#known.size >= REMEMBERED) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(key, states!);
    return states!;
  }
}
