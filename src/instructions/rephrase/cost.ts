/** What asking costs: an estimate before, the count after. */
import type { ChatAnswer, ChatRequest } from "./chat.js";

export interface Prices {
  /** For a million tokens that are sent; null when unknown. */
  readonly input: number | null;
  /** For a million tokens that are answered; null when unknown. */
  readonly output: number | null;
}

export interface Tokens {
  readonly input: number;
  readonly output: number;
}

/** Rule of thumb for English text; tokenizers differ. */
const CHARACTERS_A_TOKEN = 4;
/** A line of JSON: quotes, comma, indent. */
const WRAPPING = 6;

export function estimateTokens(text: string): number {
  return Math.ceil(text.length / CHARACTERS_A_TOKEN);
}

export function promptTokens({ messages }: ChatRequest): number {
  return messages.reduce((sum, { content }) => sum + estimateTokens(content), 0);
}

/** Tokens of an answer with so many lines about as long as the template. */
export function linesTokens(template: string, lines: number): number {
  return Math.ceil((lines * (template.length + WRAPPING)) / CHARACTERS_A_TOKEN);
}

/** Undefined unless both prices are known. */
export function costOf({ input, output }: Tokens, prices: Prices): number | undefined {
  if (prices.input === null || prices.output === null) return undefined;
  return (input * prices.input + output * prices.output) / 1e6;
}

/** Requests and tokens so far. */
export class Usage {
  asked = 0;
  cached = 0;
  input = 0;
  output = 0;
  /** Whether the server left some answers uncounted, which are estimated. */
  estimated = false;

  add(request: ChatRequest, { text, usage }: ChatAnswer): void {
    this.asked++;
    this.estimated ||= usage === null;
    this.input += usage?.input ?? promptTokens(request);
    this.output += usage?.output ?? estimateTokens(text);
  }
}
