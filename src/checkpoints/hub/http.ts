/** Requests to the hub: through the proxy of the environment, repeated when the network fails, the token kept to one host. */
import { EnvHttpProxyAgent, fetch as undiciFetch } from "undici";
import { InstructCvError } from "../../errors.js";
import { isAbort, isTransient, refusal, unreachable } from "./http-errors.js";
import type { ModelName } from "./model-name.js";
import { type Patience, pause } from "./patience.js";

export interface HubClient {
  /**
   * A fetch for `@huggingface/hub` and for downloads; resolves to a success or to 416 (no such range).
   * Throws InstructCvError("checkpoint").
   */
  readonly fetch: typeof globalThis.fetch;
  /** The same, which gives up at once when the network fails. */
  readonly fetchOnce: typeof globalThis.fetch;
  /** Ends its connections. */
  close(): Promise<void>;
}

export interface HubClientOptions {
  readonly endpoint: string;
  readonly token: string | null;
  /** Named in errors. */
  readonly model: ModelName;
  readonly patience: Patience;
  readonly signal?: AbortSignal;
}

const redirects = new Set([301, 302, 303, 307, 308]);

/** A connection that is silent for this long is given up, milliseconds. */
const silence = 30_000;

export function openHub(options: HubClientOptions): HubClient {
  // HTTPS_PROXY, HTTP_PROXY and NO_PROXY are read here.
  const dispatcher = new EnvHttpProxyAgent({ headersTimeout: silence, bodyTimeout: silence });
  const { patience, signal } = options;

  async function once(input: string, init: RequestInit): Promise<Response> {
    let url = new URL(input);
    for (let hops = 0; hops <= 10; hops++) {
      const headers = new Headers(init.headers);
      // Whatever links and redirects lead to, the token goes to the hub itself and to nobody else.
      if (options.token !== null && url.origin === new URL(options.endpoint).origin)
        headers.set("authorization", `Bearer ${options.token}`);
      // The types of Node's own fetch and of undici's are the same thing under two names.
      const request = { ...init, headers, redirect: "manual", signal, dispatcher } as Parameters<typeof undiciFetch>[1];
      const response = (await undiciFetch(url, request)) as unknown as Response;
      const location = response.headers.get("location");
      if (!redirects.has(response.status) || location === null) return response;
      await response.body?.cancel();
      url = new URL(location, url);
    }
    throw new InstructCvError("checkpoint", `${input}: redirects in a circle.`, "Check HF_ENDPOINT.");
  }

  async function repeated(attempts: number, input: string, init: RequestInit): Promise<Response> {
    for (let failed = 1; ; failed++) {
      let asked: string | null = null;
      try {
        const response = await once(input, init);
        if (response.ok || response.status === 416) return response;
        if (!isTransient(response.status) || failed >= attempts) throw await refusal(response, options);
        asked = response.headers.get("retry-after");
        await response.body?.cancel();
      } catch (error) {
        if (isAbort(error) || error instanceof InstructCvError) throw error;
        if (failed >= attempts) throw unreachable(error, options);
      }
      await pause(patience, failed, asked, signal);
    }
  }

  return {
    fetch: (input, init = {}) => repeated(patience.attempts, String(input), init),
    fetchOnce: (input, init = {}) => repeated(1, String(input), init),
    close: () => dispatcher.destroy(),
  };
}
