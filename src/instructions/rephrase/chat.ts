/** Asks an OpenAI-compatible chat endpoint, patiently: Ollama, vLLM, llama.cpp's server or a hosted one. */
import { z } from "zod";
import { InstructCvError } from "../../errors.js";
import type { Endpoint } from "./endpoint.js";
import { answerFailure, networkFailure, RequestFailure, statusFailure } from "./failure.js";
import { Pacer, pause } from "./pace.js";

export interface Message {
  readonly role: "system" | "user";
  readonly content: string;
}

export interface ChatRequest {
  readonly messages: readonly Message[];
  /** Sent as `seed` when given; not every server heeds it. */
  readonly seed?: number;
}

export interface ChatAnswer {
  readonly text: string;
  /** Cut off by the server's limit of tokens. */
  readonly cut: boolean;
  /** Tokens as the server counted them; null when it did not say. */
  readonly usage: { readonly input: number; readonly output: number } | null;
}

export interface ChatOptions {
  /** Seconds for a whole request; 120 unless given. Node itself gives up after 300. */
  readonly timeout?: number;
  readonly requestsPerMinute?: number;
  /** Requests for one answer, the first one included; 6 unless given. */
  readonly tries?: number;
  /** Seconds before the second try, doubled for each later one; 1 unless given. */
  readonly backoff?: number;
  /** Bytes of an answer, at most; 4 MiB unless given. */
  readonly maxBytes?: number;
}

const LONGEST_BACKOFF = 30;
/** A server that wants more quiet than this (seconds) is not waited for. */
const LONGEST_RETRY_AFTER = 300;

const answerSchema = z.object({
  choices: z
    .array(z.object({ message: z.object({ content: z.string() }), finish_reason: z.string().nullish() }))
    .min(1),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish().catch(null),
});
const errorSchema = z.object({ error: z.union([z.string(), z.object({ message: z.string() })]) });

export class ChatClient {
  private readonly pacer: Pacer;
  private readonly options: Required<Omit<ChatOptions, "requestsPerMinute">>;

  constructor(
    private readonly endpoint: Endpoint,
    { timeout = 120, requestsPerMinute, tries = 6, backoff = 1, maxBytes = 4 << 20 }: ChatOptions = {},
  ) {
    this.pacer = new Pacer(requestsPerMinute);
    this.options = { timeout, tries, backoff, maxBytes };
  }

  /**
   * One answer. Busy servers, broken connections and broken answers are asked again, later and later; `Retry-After` is honoured.
   * @throws {InstructCvError} "engine" when that does not help, "config" when the request itself is refused; an AbortError by `signal`
   */
  async ask(request: ChatRequest, signal: AbortSignal): Promise<ChatAnswer> {
    const { tries } = this.options;
    for (let attempt = 1; ; attempt++) {
      await this.pacer.turn(signal);
      const answer = await this.attempt(request, signal);
      if (!(answer instanceof RequestFailure)) return answer;
      const { message, again, cure, retryAfter = 0 } = answer;
      const where = `POST ${this.endpoint.shown}`;
      if (!again) throw new InstructCvError("config", `${where}: ${message}.`, cure);
      if (retryAfter > LONGEST_RETRY_AFTER) {
        const found = `${where}: ${message}, to be asked again in ${Math.ceil(retryAfter)} s.`;
        throw new InstructCvError("engine", found, cure);
      }
      if (attempt >= tries) throw new InstructCvError("engine", `${where}: ${message}, ${tries} times.`, cure);
      if (retryAfter > 0) this.pacer.hold(retryAfter);
      await pause(retryAfter + this.jittered(attempt), signal);
    }
  }

  /** Seconds: half of the backoff sure, half random, so that requests that failed together do not come back together. */
  private jittered(attempt: number): number {
    return Math.min(this.options.backoff * 2 ** (attempt - 1), LONGEST_BACKOFF) * (0.5 + Math.random() / 2);
  }

  private async attempt({ messages, seed }: ChatRequest, signal: AbortSignal): Promise<ChatAnswer | RequestFailure> {
    const { url, model, key } = this.endpoint;
    const { timeout, maxBytes } = this.options;
    const limit = AbortSignal.timeout(timeout * 1000);
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", ...(key !== undefined && { authorization: `Bearer ${key}` }) },
        // The fewest parameters: some models refuse a temperature, others a limit of tokens.
        body: JSON.stringify({ model, messages, ...(seed !== undefined && { seed }) }),
        redirect: "manual",
        signal: AbortSignal.any([signal, limit]),
      });
      const text = await readText(response, maxBytes);
      if (!response.ok) return statusFailure(response, this.said(text));
      return this.read(text);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RequestFailure) return error;
      if (limit.aborted)
        return new RequestFailure(`no whole answer in ${timeout} s`, true, "Allow more time (--timeout).");
      return networkFailure(error);
    }
  }

  private read(text: string): ChatAnswer | RequestFailure {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return answerFailure("the answer is no JSON or cut");
    }
    const parsed = answerSchema.safeParse(value);
    const choice = parsed.data?.choices[0];
    if (!parsed.success || choice!.message.content.trim() === "") {
      const said = this.said(text);
      return answerFailure(`the answer has no text${said ? ` (${said})` : ""}`);
    }
    const { usage } = parsed.data;
    return {
      text: choice!.message.content,
      cut: choice!.finish_reason === "length",
      usage: usage ? { input: usage.prompt_tokens, output: usage.completion_tokens } : null,
    };
  }

  /** The server's own words about an error: one short line, in which the key is never repeated. */
  private said(text: string): string {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return "";
    }
    const { data } = errorSchema.safeParse(value);
    if (!data) return "";
    const words = typeof data.error === "string" ? data.error : data.error.message;
    const { key } = this.endpoint;
    const safe = key === undefined ? words : words.replaceAll(key, "***");
    return safe
      .replace(/[\s\p{Cc}]+/gu, " ")
      .slice(0, 200)
      .trim();
  }
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      throw new RequestFailure(
        `the answer is larger than ${maxBytes} bytes`,
        false,
        "Check that the URL is a chat endpoint.",
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
