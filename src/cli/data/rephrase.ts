/** `instructcv data rephrase`: a bank of paraphrases written by a language model and checked by the linter. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { Paraphrases } from "../../instructions/rephrase/paraphrase.js";
import type { Plan } from "../../instructions/rephrase/rephrase.js";
import type { TaskName } from "../../tasks/task.js";
import { oneOf, wholeNumber } from "../options.js";
import { startProgress } from "../progress.js";
import type { Terminal } from "../terminal.js";

interface RephraseCommandOptions {
  readonly out: string;
  readonly bank?: string;
  readonly perTemplate: number;
  readonly task?: TaskName[];
  readonly url?: string;
  readonly model?: string;
  readonly rpm?: number;
  readonly cache?: string;
  readonly dryRun?: boolean;
  readonly priceIn?: number;
  readonly priceOut?: number;
  readonly timeout: number;
  readonly seed?: number;
}

export function addRephrase(parent: Command, terminal: Terminal): void {
  parent
    .command("rephrase")
    .summary("have a language model paraphrase the instructions")
    .description(
      "Ask a language model for paraphrases of each task's template and keep those that pass the linter. Any server with " +
        "an OpenAI-compatible chat endpoint will do: Ollama, vLLM, llama.cpp's server, a hosted one.",
    )
    .requiredOption("-o, --out <file>", "bank file to write (JSON), for `instructions.bank` of a corpus configuration")
    .option("--bank <file>", "bank file to add to: its lines are kept and count")
    .option("--per-template <n>", "paraphrases for each task", wholeNumber(1, 1000), 10)
    .option(
      "--task <name>",
      "only this task (may be repeated)",
      oneOf("segmentation", "detection", "depth", "classification"),
    )
    .option("--url <url>", "base URL of the server, such as http://localhost:11434/v1 (or INSTRUCTCV_LLM_URL)")
    .option("--model <name>", "model to ask (or INSTRUCTCV_LLM_MODEL)")
    .option("--rpm <n>", "at most so many requests a minute", wholeNumber(1, 60_000))
    .option("--cache <dir>", "folder of answers, so that a rerun asks nothing twice (default: <file>.cache)")
    .option("--dry-run", "print the prompts and what they would cost; ask nothing")
    .option("--price-in <amount>", "price of a million tokens sent, for the cost", price)
    .option("--price-out <amount>", "price of a million tokens answered, for the cost", price)
    .option("--timeout <s>", "seconds to wait for an answer", wholeNumber(1, 300), 120)
    .option("--seed <n>", "sent to the server; another one brings other answers", wholeNumber(0, 2 ** 31 - 1))
    .addHelpText(
      "after",
      "\nThe key, if the server wants one, is read from INSTRUCTCV_LLM_KEY (or OPENAI_API_KEY), never from the command line.\n" +
        "Ctrl-C stops and keeps the answers so far; the same command goes on from there.\n",
    )
    .action((options: RephraseCommandOptions) => makeBank(options, terminal));
}

async function makeBank(options: RephraseCommandOptions, terminal: Terminal): Promise<void> {
  const { writeBankFile } = await import("../../instructions/rephrase/bank-file.js");
  const { AnswerCache } = await import("../../instructions/rephrase/cache.js");
  const { ChatClient } = await import("../../instructions/rephrase/chat.js");
  const { Usage } = await import("../../instructions/rephrase/cost.js");
  const { endpointFrom } = await import("../../instructions/rephrase/endpoint.js");
  const { rephrase } = await import("../../instructions/rephrase/rephrase.js");
  const { estimateLine, promptLines, rejectionLines, summaryLines, usageLine } = await import("./rephrase-report.js");
  const { out, dryRun, perTemplate, timeout, rpm, cache: cacheFolder = `${out}.cache` } = options;
  const prices = { input: options.priceIn ?? null, output: options.priceOut ?? null };
  const { plan, others } = await planOf(options);
  if (dryRun) {
    for (const line of promptLines(plan)) terminal.out(line);
    terminal.out(estimateLine(plan, prices));
    return;
  }
  const { model, ...endpoint } = endpointFrom(options, process.env);
  await mkdir(dirname(out), { recursive: true });
  const cache = await AnswerCache.open(cacheFolder, model);
  terminal.note(estimateLine(plan, prices));
  terminal.note(
    `asking ${model} at ${endpoint.shown}, ${endpoint.keySource ? `key: ${endpoint.keySource}` : "no key"}`,
  );
  const client = new ChatClient({ model, ...endpoint }, { timeout, requestsPerMinute: rpm });
  const usage = new Usage();
  const progress = startProgress(terminal, plan.size * perTemplate, "paraphrases");
  let results: Paraphrases[];
  try {
    results = await rephrase(plan, client, cache, usage, terminal.signal, (lines) => progress.update(lines));
  } finally {
    progress.stop();
    terminal.note(usageLine(usage, prices));
  }
  for (const line of rejectionLines(results)) terminal.note(line);
  for (const line of summaryLines(results)) terminal.out(line);
  const lines = new Map([...others, ...results.map(({ task, accepted }) => [task, accepted] as const)]);
  await finish(out, results, () => writeBankFile(out, model, lines));
  terminal.out(out);
}

/** What to ask for, and the lines of `--bank` for tasks that are not asked for. */
async function planOf(options: RephraseCommandOptions): Promise<{ plan: Plan; others: [TaskName, string[]][] }> {
  const { taskNames } = await import("../../tasks/registry.js");
  const { bank } = await import("../../instructions/bank.js");
  const { readBankFile } = await import("../../instructions/rephrase/bank-file.js");
  const kept = options.bank === undefined ? {} : (await readBankFile(options.bank)).tasks;
  const { task: asked = taskNames, perTemplate: wanted, seed } = options;
  const tasks = taskNames.filter((name) => asked.includes(name));
  const plan = new Map(tasks.map((task) => [task, { bank, wanted, seed, kept: kept[task]?.train }]));
  const others = taskNames.filter((name) => !asked.includes(name));
  return { plan, others: others.map((task) => [task, kept[task]?.train ?? []]) };
}

/** Writes what there is; too little of it is an error all the same. */
async function finish(out: string, results: readonly Paraphrases[], write: () => Promise<void>): Promise<void> {
  const { InstructCvError } = await import("../../errors.js");
  const cure = "Ask another model, another --seed or for fewer (--per-template).";
  if (results.every(({ accepted }) => accepted.length === 0)) {
    throw new InstructCvError("engine", `${out}: not written, no paraphrase was accepted.`, cure);
  }
  await write();
  const short = results.filter(({ accepted, wanted }) => accepted.length < wanted);
  if (short.length === 0) return;
  const found = short.map(({ task, accepted, wanted }) => `${accepted.length} of ${wanted} for ${task}`).join(", ");
  throw new InstructCvError("engine", `${out}: written, but with only ${found}.`, cure);
}

/** An amount of money, in any currency. */
function price(text: string): number {
  if (!/^\d+(?:\.\d+)?$/.test(text)) throw new InvalidArgumentError("Expected an amount such as 0.15.");
  return Number(text);
}
