/** Asks for paraphrases of one task's template, round by round, until enough of them pass the linter. */
import type { TaskName } from "../../tasks/task.js";
import type { Bank } from "../bank.js";
import { lintLine } from "../lint.js";
import { keptApart } from "./bank-file.js";
import type { ChatAnswer, ChatRequest } from "./chat.js";
import { promptFor, type Rejected } from "./prompt.js";
import { linesOf } from "./reply.js";

export interface ParaphraseOptions {
  /** Its templates are paraphrased. */
  readonly bank: Bank;
  /** Lines of the task, those that are there already included. */
  readonly wanted: number;
  /** Lines that are there already. */
  readonly kept?: readonly string[];
  readonly seed?: number;
}

export interface Paraphrases {
  readonly task: TaskName;
  readonly wanted: number;
  /** The kept ones first. */
  readonly accepted: readonly string[];
  readonly rejected: readonly Rejected[];
  /** Requests answered, from the cache or anew. */
  readonly rounds: number;
}

/** Lines in one request, at most: longer lists repeat themselves. */
const LINES_A_REQUEST = 20;
/** Rounds in a row that bring nothing before it is given up. */
const BARREN_ROUNDS = 3;

/** Rounds that bring `lines` lines if none is rejected. */
export function fewestRounds(lines: number): number {
  return Math.ceil(Math.max(0, lines) / LINES_A_REQUEST);
}

/** The next request for a task that has `accepted` lines. */
export function nextRequest(
  task: TaskName,
  { bank, wanted, seed }: ParaphraseOptions,
  accepted: readonly string[],
  rejected: readonly Rejected[],
  round: number,
): ChatRequest {
  const missing = wanted - accepted.length;
  // Some will be rejected: half as many again.
  const count = Math.min(LINES_A_REQUEST, missing + Math.ceil(missing / 2));
  const messages = promptFor(task, { template: bank[task].template, count, accepted, rejected });
  return { messages, ...(seed !== undefined && { seed: seed + round }) };
}

/**
 * Lines that say what the template says, pass the linter, repeat no template, no unseen wording and not each other. Gives up after
 * rounds that bring nothing, or after three times as many rounds as a perfect model would need.
 * @param ask answers a request; the round tells equal requests apart
 * @param onAccepted called after each round with the number of lines so far
 */
export async function paraphrase(
  task: TaskName,
  options: ParaphraseOptions,
  ask: (request: ChatRequest, round: number) => Promise<ChatAnswer>,
  onAccepted: (lines: number) => void = () => {},
): Promise<Paraphrases> {
  const { wanted, kept = [] } = options;
  const accepted = [...kept];
  const rejected: Rejected[] = [];
  const known = keptApart();
  for (const line of accepted) known.add(line, "another line");
  const rounds = BARREN_ROUNDS * Math.max(2, fewestRounds(wanted - accepted.length));
  let round = 0;
  for (let barren = 0; accepted.length < wanted && round < rounds && barren < BARREN_ROUNDS; round++) {
    const before = accepted.length;
    const { text, cut } = await ask(nextRequest(task, options, accepted, rejected, round), round);
    for (const line of linesOf(text, cut)) {
      if (accepted.length >= wanted) break;
      const [problem] =
        task === "classification" && !hasColours(line) ? ["lost its colours"] : lintLine(task, line, known);
      if (problem !== undefined) rejected.push({ line, problem });
      else {
        accepted.push(line);
        known.add(line, "another line");
      }
    }
    barren = accepted.length === before ? barren + 1 : 0;
    onAccepted(accepted.length);
  }
  return { task, wanted, accepted, rejected, rounds: round };
}

/** A line without colours can be used for the default ones only. */
function hasColours(line: string): boolean {
  return line.includes("{positive}") || line.includes("{negative}");
}
