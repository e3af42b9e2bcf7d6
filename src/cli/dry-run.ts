/** `instructcv run --dry-run`: what the run would take, before anything is loaded. */
import { readPictureSize } from "../image/io.js";
import { EXIT, errorLine } from "./exit.js";
import { modelChoice } from "./model-choice.js";
import { type ModelOptions, weightOptions } from "./model-options.js";
import type { Terminal } from "./terminal.js";

/** Prints one table or, with `json`, one object. Photos may have different aspects: the plan is that of the largest drawing. */
export async function dryRun(
  files: readonly string[],
  sentences: number,
  options: ModelOptions & { readonly json?: boolean },
  terminal: Terminal,
): Promise<number> {
  const { planMemory } = await import("../inference/index.js");
  const { name, folder } = modelChoice(options.model);
  const weights = await weightOptions(options);
  const plans = new Map<string, Awaited<ReturnType<typeof planMemory>>>();
  let failed = 0;
  for (const file of files) {
    try {
      const { width, height } = await readPictureSize(file);
      const aspect = (width / height).toFixed(3);
      if (!plans.has(aspect))
        plans.set(
          aspect,
          await planMemory(folder, { ...weights, resolution: options.resolution, photo: { width, height } }),
        );
    } catch (error) {
      terminal.note(errorLine(error, file));
      failed++;
    }
  }
  const largest = [...plans.values()].sort((a, b) => b.anonymous - a.anonymous)[0];
  if (largest) {
    const { drawing, work, ...bytes } = largest;
    const answers = (files.length - failed) * sentences;
    if (options.json) terminal.out(JSON.stringify({ model: name, drawing, ...bytes, multiply_adds: work, answers }));
    else for (const line of describe(name, largest, answers)) terminal.out(line);
  }
  return failed > 0 ? EXIT.failed : EXIT.done;
}

type Plan = Awaited<ReturnType<typeof import("../inference/index.js")["planMemory"]>>;

function describe(name: string, plan: Plan, answers: number): string[] {
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(bytes < 1e9 ? 3 : 2)} GB`;
  const work = (multiplyAdds: number) => `${((2 * multiplyAdds) / 1e9).toFixed(1)} GFLOP`;
  const { drawing, mapped, copied, activations, anonymous } = plan;
  return [
    `${name}: ${answers} ${answers === 1 ? "answer" : "answers"}, drawn at ${drawing.width}x${drawing.height} pixels at most`,
    `  memory of its own     ${gigabytes(anonymous)}`,
    `    weights copied      ${gigabytes(copied)}`,
    `    activations         ${gigabytes(activations)}`,
    `  weights left on disk  ${gigabytes(mapped)}, read through the page cache`,
    `  one evaluation        ${work(plan.work.denoiser)}; a step has one, or up to three with guidance`,
    `  photo to latents      ${work(plan.work.encoder)}, and back ${work(plan.work.decoder)}`,
  ];
}
