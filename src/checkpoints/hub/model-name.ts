/** Names of models on the hub: `owner/name`, with `@revision` where one is pinned. */
import { InstructCvError } from "../../errors.js";

export interface ModelName {
  /** `owner/name`. */
  readonly repo: string;
  /** A branch, a tag, `refs/pr/3` or a commit of 40 hex digits. */
  readonly revision: string;
}

/** Null for what cannot be the name of a model: an absolute path, `./folder`, three words. */
export function parseModelName(text: string, revision?: string): ModelName | null {
  const match = /^([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?:@(.+))?$/.exec(text);
  if (!match) return null;
  const [, repo = "", pinned] = match;
  if (pinned !== undefined && revision !== undefined && pinned !== revision)
    throw new InstructCvError("usage", `${text}: revision ${revision} is asked for too.`, "Give one of the two.");
  const chosen = pinned ?? revision ?? "main";
  // It becomes a file name below refs/ and a part of addresses.
  if (!/^[\w.+-]+(\/[\w.+-]+)*$/.test(chosen) || chosen.split("/").includes(".."))
    throw new InstructCvError(
      "usage",
      `${text}: ${JSON.stringify(chosen)} is not the name of a revision.`,
      "Give a branch, a tag or a commit.",
    );
  return { repo, revision: chosen };
}

export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}
