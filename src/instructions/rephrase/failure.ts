/** Why one request failed and whether asking again may help. */

export class RequestFailure extends Error {
  constructor(
    /** What happened, a few words. */
    reason: string,
    /** Whether the same request may succeed later. */
    readonly again: boolean,
    /** What the user should do. */
    readonly cure: string,
    /** Seconds that the server wants to be left alone. */
    readonly retryAfter?: number,
  ) {
    super(reason);
  }
}

const CURES: Readonly<Record<number, string>> = {
  400: "Check the name of the model (--model).",
  401: "Set INSTRUCTCV_LLM_KEY to a key that is valid there.",
  403: "Set INSTRUCTCV_LLM_KEY to a key that may use this model.",
  404: "Check the URL (it usually ends in /v1) and the name of the model (--model).",
};
const PASSING = new Set([408, 429, 500, 502, 503, 504]);
const LATER = "Try again later; answers so far are kept.";

/** A status other than 2xx. `said` is what the server said about it. */
export function statusFailure(response: Response, said: string): RequestFailure {
  const { status, statusText, headers } = response;
  if (status >= 300 && status < 400) {
    // A redirect may lead to another host, which must not get the key.
    const to = place(headers.get("location"), response.url);
    return new RequestFailure(`${status}, redirects to ${to}`, false, "Give that URL if you trust it (--url).");
  }
  const reason = `${status} ${statusText}`.trim() + (said ? ` (${said})` : "");
  if (!PASSING.has(status)) return new RequestFailure(reason, false, CURES[status] ?? "Check the URL and the model.");
  return new RequestFailure(reason, true, LATER, secondsUntil(headers.get("retry-after"), Date.now()));
}

/** What `fetch` or the reading of a body threw. */
export function networkFailure(error: unknown): RequestFailure {
  const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
  const code = cause?.code ?? (error as NodeJS.ErrnoException).code ?? "";
  const reason = cause?.message || code || (error as Error).message;
  if (code === "ECONNREFUSED")
    return new RequestFailure("nothing listens there", false, "Start the server or check --url.");
  if (code === "ENOTFOUND") return new RequestFailure("there is no such host", false, "Check the URL (--url).");
  if (/^(?:CERT_|ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)) {
    return new RequestFailure(
      `its certificate is not trusted (${code})`,
      false,
      "Check the URL (--url) and NODE_EXTRA_CA_CERTS.",
    );
  }
  return new RequestFailure(`the connection broke (${reason})`, true, LATER);
}

/** A whole answer that is none. */
export function answerFailure(reason: string): RequestFailure {
  return new RequestFailure(reason, true, "Check that the server speaks the OpenAI chat protocol.");
}

/**
 * `Retry-After` as seconds from `now` (milliseconds since 1970), from a number of seconds or an HTTP date; undefined for anything else.
 * https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function secondsUntil(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}

/** Without the query, where some put secrets. */
function place(location: string | null, base: string): string {
  if (location === null || !URL.canParse(location, base)) return "nowhere";
  const { origin, pathname } = new URL(location, base);
  return origin + pathname;
}
