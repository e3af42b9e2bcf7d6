/** Open ONNX sessions by what they compute; the one that rested longest is closed when there are too many. */
import { encodeModel } from "../tensor/onnx/proto.js";
import { openSession, type Session, type SessionOptions } from "../tensor/onnx/session.js";
import type { Network } from "./networks.js";

export class SessionCache {
  readonly #sessions = new Map<string, Promise<Session>>();

  /** `limit` must exceed the number of sessions that one drawing uses. */
  constructor(
    private readonly threads: number,
    private readonly limit: number,
  ) {}

  /** The session called `key`, opened over the network that `build` gives when it is asked for the first time. */
  async get(key: string, build: () => { network: Network; options: SessionOptions }): Promise<Session> {
    const known = this.#sessions.get(key);
    if (known) {
      this.#sessions.delete(key);
      this.#sessions.set(key, known);
      return known;
    }
    while (this.#sessions.size >= this.limit) {
      const [oldest, session] = this.#sessions.entries().next().value!;
      this.#sessions.delete(oldest);
      await (await session).close();
    }
    const { network, options } = build();
    const { weightsFolder } = network;
    const opened = openSession(encodeModel(network.graph), {
      threads: this.threads,
      ...options,
      ...(weightsFolder && { weightsFolder }),
    });
    this.#sessions.set(key, opened);
    // One that failed may be asked for again.
    opened.catch(() => this.#sessions.delete(key));
    return opened;
  }

  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of await Promise.allSettled(sessions))
      if (session.status === "fulfilled") await session.value.close();
  }
}
