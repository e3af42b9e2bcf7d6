/** What the hub's refusals mean, and what to do about each. */
import { InstructCvError } from "../../errors.js";
import type { ModelName } from "./model-name.js";

interface Asked {
  readonly endpoint: string;
  readonly token: string | null;
  readonly model: ModelName;
}

/** The hub did not answer, or not now: what is in the cache may do. */
export class HubUnreachable extends InstructCvError {
  constructor(
    readonly problem: string,
    cure: string,
  ) {
    super("checkpoint", problem, cure);
  }
}

/** Timeouts, too many requests and failures of the server: worth another try. */
export function isTransient(status: number): boolean {
  return [408, 425, 429, 500, 502, 503, 504].includes(status);
}

export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

/** The connection failed: refused, cut, timed out, no such host. */
export function unreachable(error: unknown, { endpoint, model }: Asked): HubUnreachable {
  return new HubUnreachable(
    `${model.repo}: ${endpoint} cannot be reached (${reason(error)}).`,
    "Check the network and HTTPS_PROXY; what has arrived is kept, so the same command goes on from there.",
  );
}

/** "fetch failed" hides what happened in its causes. */
export function reason(error: unknown): string {
  let last = error;
  while (last instanceof Error && last.cause instanceof Error) last = last.cause;
  return last instanceof Error ? last.message || (last as NodeJS.ErrnoException).code || last.name : String(last);
}

/** The error of a response that is not a success. */
export async function refusal(response: Response, asked: Asked): Promise<InstructCvError> {
  const { endpoint, token, model } = asked;
  const code = response.headers.get("x-error-code");
  const said = await message(response);
  const { status } = response;
  const fail = (problem: string, cure: string) => new InstructCvError("checkpoint", `${model.repo}: ${problem}`, cure);
  if (isTransient(status))
    return new HubUnreachable(
      `${model.repo}: ${new URL(response.url || endpoint).host} answers ${status}${said}.`,
      "Try again later; what has arrived is kept.",
    );
  const getToken = "set HF_TOKEN (made in your account's settings under Access Tokens), or run: hf auth login";
  if (code === "GatedRepo")
    return fail(
      `is gated (${status})${said}.`,
      token === null
        ? `Accept its terms at ${endpoint}/${model.repo}, then ${getToken}.`
        : `Accept its terms at ${endpoint}/${model.repo} with the account of your token.`,
    );
  if (code === "RevisionNotFound")
    return fail(`has no revision ${JSON.stringify(model.revision)}.`, `See ${endpoint}/${model.repo}/tree/main.`);
  if (code === "RepoNotFound" || status === 404)
    return fail(
      `no such model at ${endpoint}, and no such folder here.`,
      token === null
        ? `Check the spelling; if it is private, ${getToken}.`
        : "Check the spelling, and your token's rights.",
    );
  // The hub answers 401 for a model that does not exist as well, so as not to tell which private ones do.
  if (status === 401 || status === 403)
    return fail(
      `${token === null ? "no such model, or it is private" : "the token is refused"} (${status})${said}.`,
      token === null ? `Check the spelling; if it is private, ${getToken}.` : `Check it: ${getToken}.`,
    );
  return fail(`${response.url} answers ${status}${said}.`, "Check HF_ENDPOINT, and whether a proxy is in the way.");
}

/** `: what the server says`, one short line, from a JSON body. */
async function message(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => null);
  const said = typeof body === "object" && body !== null && "error" in body ? String(body.error) : "";
  return said && `: ${said.replace(/\s+/g, " ").slice(0, 200).replace(/\.$/, "")}`;
}
