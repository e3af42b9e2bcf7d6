/** Runs bench/original_builder.py, the work of the original data builder, where a Python with Pillow and numpy is found. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

export interface OriginalBuild {
  readonly samples: number;
  /** Annotation index and all samples; not the start of Python. */
  readonly seconds: number;
  readonly samples_per_second: number;
  /** Processor time in `seconds`, which other work on the machine does not lengthen. */
  readonly cpu_seconds: number;
  readonly pillow: string;
  readonly numpy: string;
}

/**
 * `same-pictures`: opens photos as often as the original and writes what ours writes; `decode-once`: the same, but a photo stays open
 * for all its samples; `own-size`: pictures as large as the photos, which is what the original really writes.
 */
export type OriginalVariant = "same-pictures" | "decode-once" | "own-size";

/** A Python that can import all of `modules`: the project's `.venv`, else the one on the PATH; undefined when there is none. */
export function findPython(modules: string): string | undefined {
  return [join(root, ".venv/bin/python"), "python3"].find(
    (python) =>
      (!python.includes("/") || existsSync(python)) && spawnSync(python, ["-c", `import ${modules}`]).status === 0,
  );
}

/**
 * @param request file that `writeRequest` wrote; the folder it names as `out` must not hold an earlier build
 * @throws {Error} with Python's last line when the script fails
 */
export function buildAsOriginal(python: string, request: string, variant: OriginalVariant): OriginalBuild {
  const flags = variant === "same-pictures" ? [] : [`--${variant}`];
  const script = join(root, "bench/original_builder.py");
  const { status, stdout, stderr } = spawnSync(python, [script, request, ...flags], { encoding: "utf8" });
  if (status !== 0) throw new Error(`bench/original_builder.py: ${stderr.trim().split("\n").at(-1)}`);
  return JSON.parse(stdout) as OriginalBuild;
}
