/** Makes the page about a training run from what the run left in its folder. */
import { readdir, readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { parse } from "yaml";
import { InstructCvError } from "../../errors.js";
import { encodeJpeg, readPicture } from "../../image/io.js";
import { packageVersion } from "../../version.js";
import { readMetrics } from "../log.js";
import { readRunInfo } from "../run-info.js";
import { page } from "./page.js";

/** Most sample sheets of the page, over the whole run. */
const MAX_SHEETS = 8;

/**
 * One self-contained HTML page about the run in folder `run`, finished or still going. The same files give the same text.
 * @throws {InstructCvError} "usage" for a folder of no run, or of one that has logged nothing yet
 */
export async function reportRun(run: string): Promise<string> {
  const config = await readFile(join(run, "config.yaml"), "utf8").catch(() => {
    throw new InstructCvError(
      "usage",
      `${run}: expected the folder of a training run, found no config.yaml in it.`,
      "Give a folder that `instructcv train` wrote, such as runs/nano.",
    );
  });
  const metrics = await readMetrics(run);
  if (metrics.length === 0) {
    throw new InstructCvError(
      "usage",
      `${join(run, "metrics.jsonl")}: the run has logged no step yet.`,
      "Wait for its first line of progress (output.log_every in the recipe).",
    );
  }
  const info = await readRunInfo(run);
  const named = info?.name ?? (parse(config) as { name?: unknown } | null)?.name;
  return page({
    name: typeof named === "string" ? named : basename(resolve(run)),
    config,
    metrics,
    starts: info?.starts ?? [],
    samples: await sheets(join(run, "samples")),
    version: packageVersion(),
  });
}

/** The first sheet, the last and some evenly between, as JPEG: a page of a few hundred kilobytes. */
async function sheets(folder: string): Promise<{ step: number; url: string }[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const all = names.filter((name) => /^step-\d+\.png$/.test(name)).sort();
  const count = Math.min(MAX_SHEETS, all.length);
  const chosen = Array.from({ length: count }, (_, i) => {
    return all[count === 1 ? 0 : Math.round((i * (all.length - 1)) / (count - 1))]!;
  });
  return Promise.all(
    chosen.map(async (name) => {
      const jpeg = await encodeJpeg(await readPicture(join(folder, name)), 88);
      return { step: Number(/\d+/.exec(name)![0]), url: `data:image/jpeg;base64,${jpeg.toString("base64")}` };
    }),
  );
}
