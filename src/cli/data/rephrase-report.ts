/** What `instructcv data rephrase` says: the prompts, what asking costs, what came of it and why lines were rejected. */
import { costOf, type Prices, type Tokens, type Usage } from "../../instructions/rephrase/cost.js";
import type { Paraphrases } from "../../instructions/rephrase/paraphrase.js";
import { estimate, firstRequests, type Plan, rejectionTable } from "../../instructions/rephrase/rephrase.js";

/** The first prompt of each task; later ones also list what was accepted and rejected. */
export function promptLines(plan: Plan): string[] {
  return Array.from(firstRequests(plan), ([task, { messages }]) => {
    return [`== ${task}`, ...messages.map(({ role, content }) => `[${role}]\n${content}`), ""].join("\n");
  });
}

export function estimateLine(plan: Plan, prices: Prices): string {
  const { requests, ...tokens } = estimate(plan);
  const size = `requests ${requests}, tokens ${tokens.input} in and ${tokens.output} out${costNote(tokens, prices)}`;
  return `estimate (4 characters a token): ${size}; more when lines are rejected, less when answers are in the cache`;
}

export function usageLine(usage: Usage, prices: Prices): string {
  const { asked, cached, input, output, estimated } = usage;
  const counted = estimated ? " (partly estimated: the server did not count)" : "";
  return `used: requests ${asked}, from the cache ${cached}, tokens ${input} in and ${output} out${counted}${costNote(usage, prices)}`;
}

export function rejectionLines(results: readonly Paraphrases[]): string[] {
  const rows = rejectionTable(results).map(({ problem, lines, example }) => {
    const shown = JSON.stringify(example.length > 80 ? `${example.slice(0, 77)}...` : example);
    return `${String(lines).padStart(8)}  ${problem}: ${shown}`;
  });
  return rows.length > 0 ? ["rejected  why, with an example", ...rows] : [];
}

export function summaryLines(results: readonly Paraphrases[]): string[] {
  return results.map(({ task, accepted, rejected, rounds }) => {
    return `${task}: ${accepted.length} accepted, ${rejected.length} rejected, answers ${rounds}`;
  });
}

function costNote(tokens: Tokens, prices: Prices): string {
  const cost = costOf(tokens, prices);
  return cost === undefined ? "" : `, cost ${cost.toFixed(4)}`;
}
