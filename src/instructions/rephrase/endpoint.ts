/** Which model is asked, where, and with which key: from options, else from the environment. */
import { InstructCvError } from "../../errors.js";

export interface Endpoint {
  /** Of `chat/completions` itself. */
  readonly url: string;
  /** The same without what may be secret, for messages. */
  readonly shown: string;
  readonly model: string;
  /** Sent to `url` and nowhere else; never shown or stored. */
  readonly key?: string;
  /** Variable that the key is from. */
  readonly keySource?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const LOCAL = "http://localhost:11434/v1";
const CURE = `Give the base URL of an OpenAI-compatible server with --url or INSTRUCTCV_LLM_URL, such as ${LOCAL} (Ollama).`;

/** @throws {InstructCvError} "usage" when the URL or the model is missing or unusable, or the key cannot be sent */
export function endpointFrom(options: { readonly url?: string; readonly model?: string }, env: Environment): Endpoint {
  const base = options.url || env.INSTRUCTCV_LLM_URL || env.OPENAI_BASE_URL;
  const model = options.model || env.INSTRUCTCV_LLM_MODEL;
  if (!base) throw new InstructCvError("usage", "No server to ask for paraphrases.", CURE);
  if (!model) {
    throw new InstructCvError(
      "usage",
      "No model to ask for paraphrases.",
      "Name one with --model or INSTRUCTCV_LLM_MODEL.",
    );
  }
  const url = chatUrl(base);
  const keySource = ["INSTRUCTCV_LLM_KEY", "OPENAI_API_KEY"].find((name) => env[name]?.trim());
  const key = keySource && env[keySource]!.trim();
  if (key && !/^[\x21-\x7e]+$/.test(key)) {
    throw new InstructCvError("usage", `${keySource}: has characters that no key has.`, "Set it to the key alone.");
  }
  return { url: url.href, shown: url.origin + url.pathname, model, ...(key && { key, keySource }) };
}

/** `http://host/v1`, `http://host/v1/` and the full address of the chat endpoint all mean the same. */
function chatUrl(base: string): URL {
  const url = URL.canParse(base) ? new URL(base) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new InstructCvError("usage", "The URL of the server is no http or https address.", CURE);
  }
  if (url.username || url.password) {
    throw new InstructCvError(
      "usage",
      `${url.host}: the URL has a user or password in it.`,
      "Put the key into INSTRUCTCV_LLM_KEY.",
    );
  }
  url.pathname = `${url.pathname.replace(/\/+$/, "").replace(/\/chat\/completions$/, "")}/chat/completions`;
  url.hash = "";
  return url;
}
