/** What `instructcv run` does: reads the command line, loads the model, answers. */
import { stat } from "node:fs/promises";
import { parseInstruction } from "../instructions/index.js";
import { answerPhotos } from "./answer-photos.js";
import { dryRun } from "./dry-run.js";
import { EXIT, errorLine, usageError } from "./exit.js";
import { expandInputs } from "./inputs.js";
import { loadModel, type ModelOptions, samplingOptions } from "./model-options.js";
import type { Asked } from "./names.js";
import type { Terminal } from "./terminal.js";

export interface RunOptions extends ModelOptions {
  readonly instruction?: readonly string[];
  readonly seed: number;
  readonly dryRun?: boolean;
  readonly out: string;
  readonly json?: boolean;
}

/** Returns the exit code. @throws {InstructCvError} when the command line is wrong or the model cannot be loaded. */
export async function runPhotos(words: readonly string[], options: RunOptions, terminal: Terminal): Promise<number> {
  const { images, sentences } = await splitWords(words, options.instruction ?? []);
  const instructions = sentences.map((sentence) => {
    const { task, slots } = parseInstruction(sentence);
    return { task, category: slots.category, text: sentence };
  });
  if ((await stat(options.out).catch(() => null))?.isDirectory() === false) {
    throw usageError(`--out ${options.out}: is a file.`, "Give a folder.");
  }
  const { files, problems } = await expandInputs(images);
  for (const problem of problems) terminal.note(errorLine(problem));
  if (files.length === 0) return EXIT.failed;
  if (options.dryRun) return dryRun(files, instructions.length, options, terminal);
  const { model, name: modelName } = await loadModel(options, terminal);
  for (const line of unlearned(instructions, model.defaults.categories)) terminal.note(line);
  try {
    const { seed, out, json = false } = options;
    const sampling = samplingOptions(options, model);
    const { steps = model.defaults.steps, mirror = model.defaults.mirror } = options;
    const perAnswer = steps > 1 && mirror ? 2 * steps : steps;
    const work = { files, instructions, modelName, seed, sampling, steps: perAnswer, out, json };
    const failed = await answerPhotos(model, work, terminal);
    return failed + problems.length > 0 ? EXIT.failed : EXIT.done;
  } finally {
    await model.close();
  }
}

/**
 * The last word is the instruction. Only when sentences came with --instruction may all words be photos: then the last one
 * is a photo if it exists on disk.
 */
async function splitWords(words: readonly string[], further: readonly string[]) {
  const last = words.at(-1) ?? "";
  const onDisk = last !== "" && (await stat(last).catch(() => null)) !== null;
  if (onDisk && further.length === 0) {
    throw usageError(
      `The last word must be the instruction, found the path ${last}.`,
      'Write: instructcv run IMAGE... "Segment the cat"',
    );
  }
  const images = onDisk ? words : words.slice(0, -1);
  if (images.length === 0) {
    throw usageError("No photo given.", 'Write: instructcv run IMAGE... "Segment the cat"');
  }
  return { images, sentences: onDisk ? further : [last, ...further] };
}

/** Categories shown when one is asked for that the model has not learned. */
const SHOWN = 20;

/** A note for each category that the model never saw; nothing for a model that does not say what it saw. */
function unlearned(asked: readonly Asked[], learned: readonly string[]): string[] {
  if (learned.length === 0) return [];
  const strange = new Set(
    asked.flatMap(({ category }) => category ?? []).filter((category) => !learned.includes(category)),
  );
  const known = learned.slice(0, SHOWN).join(", ") + (learned.length > SHOWN ? " and others" : "");
  return [...strange].map(
    (category) => `note: the model has not learned "${category}", expect a guess; it knows ${known}.`,
  );
}
