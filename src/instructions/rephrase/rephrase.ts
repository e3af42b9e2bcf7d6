/** Paraphrases of several tasks at once by one language model; what was answered before comes from the cache. */
import type { TaskName } from "../../tasks/task.js";
import type { AnswerCache } from "./cache.js";
import type { ChatClient, ChatRequest } from "./chat.js";
import { linesTokens, promptTokens, type Tokens, type Usage } from "./cost.js";
import { fewestRounds, nextRequest, type ParaphraseOptions, type Paraphrases, paraphrase } from "./paraphrase.js";

/** What to ask for each task. */
export type Plan = ReadonlyMap<TaskName, ParaphraseOptions>;

export interface Estimate extends Tokens {
  readonly requests: number;
}

/** The first request of each task that lacks lines. */
export function firstRequests(plan: Plan): Map<TaskName, ChatRequest> {
  const requests = new Map<TaskName, ChatRequest>();
  for (const [task, options] of plan) {
    const { kept = [] } = options;
    if (kept.length < options.wanted) requests.set(task, nextRequest(task, options, kept, [], 0));
  }
  return requests;
}

/** What it takes if every line is accepted and none is cached; rejected lines are asked for again and cost more. */
export function estimate(plan: Plan): Estimate {
  let [requests, input, output] = [0, 0, 0];
  for (const [task, request] of firstRequests(plan)) {
    const { wanted, kept = [], bank } = plan.get(task)!;
    const rounds = fewestRounds(wanted - kept.length);
    requests += rounds;
    input += rounds * promptTokens(request);
    output += linesTokens(bank[task].template, Math.ceil(1.5 * (wanted - kept.length)));
  }
  return { requests, input, output };
}

/**
 * All tasks of the plan, in its order. The first failure stops the other tasks too; answers so far stay in the cache.
 * @param onProgress called with the number of lines so far, kept ones included
 * @throws {InstructCvError} as `ChatClient.ask`; an AbortError by `signal`
 */
export async function rephrase(
  plan: Plan,
  client: ChatClient,
  cache: AnswerCache,
  usage: Usage,
  signal: AbortSignal,
  onProgress: (lines: number) => void = () => {},
): Promise<Paraphrases[]> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const lines = new Map<TaskName, number>();
  const ask = async (request: ChatRequest, round: number) => {
    both.throwIfAborted();
    const known = await cache.find(request, round);
    if (known) {
      usage.cached++;
      return known;
    }
    const answer = await client.ask(request, both);
    usage.add(request, answer);
    await cache.keep(request, round, answer);
    return answer;
  };
  const work = Array.from(plan, async ([task, options]) => {
    return paraphrase(task, options, ask, (accepted) => {
      lines.set(task, accepted);
      onProgress([...lines.values()].reduce((sum, count) => sum + count, 0));
    });
  });
  try {
    return await Promise.all(work);
  } catch (error) {
    stop.abort();
    await Promise.allSettled(work);
    throw error;
  }
}

/** Why lines were rejected, the most frequent reason first, each with an example. */
export function rejectionTable(results: readonly Paraphrases[]): { problem: string; lines: number; example: string }[] {
  const reasons = new Map<string, { problem: string; lines: number; example: string }>();
  for (const { line, problem } of results.flatMap(({ rejected }) => rejected)) {
    const reason = reasons.get(problem) ?? { problem, lines: 0, example: line };
    reasons.set(problem, { ...reason, lines: reason.lines + 1 });
  }
  return [...reasons.values()].sort((a, b) => b.lines - a.lines);
}
