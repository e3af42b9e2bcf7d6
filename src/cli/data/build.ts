/** `instructcv data build`: builds the instruction-tuning set from labelled photos. */
import { availableParallelism } from "node:os";
import type { Command } from "commander";
import type { CorpusConfig } from "../../corpus/config.js";
import type { Part } from "../../corpus/plan.js";
import { isAbort, usageError } from "../exit.js";
import { wholeNumber } from "../options.js";
import { duration, type Progress, startProgress } from "../progress.js";
import type { Terminal } from "../terminal.js";

interface BuildCommandOptions {
  readonly out: string;
  readonly data?: string;
  readonly workers?: number;
  readonly shard?: Part;
  readonly overwrite?: boolean;
  readonly size?: number;
  readonly seed?: number;
  readonly limit?: number;
}

export function addBuild(parent: Command, terminal: Terminal): void {
  parent
    .command("build")
    .summary("build a corpus from labelled photos")
    .description("Build the instruction-tuning set: shards of (photo, sentence, drawn answer) and a manifest.")
    .argument("<config>", "which datasets and how, such as configs/mini.yaml")
    .requiredOption("-o, --out <dir>", "corpus folder to make, or to go on with")
    .option("-d, --data <dir>", "folder that holds the datasets (default: as the config says)")
    .option("--workers <n>", "threads (default: one for each core); the bytes do not depend on it", wholeNumber(1, 256))
    .option("--shard <i/n>", "make only the i-th of n parts of the shards, to divide the work over machines", parsePart)
    .option("--overwrite", "replace a corpus of other settings that is already there")
    .option("--size <px>", "side of the square pictures (default: as the config says)", wholeNumber(16, 1024))
    .option("--seed <n>", "decides samples, wordings and colours", wholeNumber(0, 2 ** 32 - 1))
    .option("--limit <n>", "only so many photos of each dataset (to try things out)", wholeNumber(1, 1e7))
    .addHelpText(
      "after",
      `
Native layouts of COCO, ADE20K, VOC, Oxford-IIIT Pets, NYUv2, SUN RGB-D, FSS-1000, ImageNet and data of your own (docs/data.md).
Takes about 300 MB of memory, 200 more for each further thread, and up to 0.4 kB a listed photo; about 100 photos a second on 2 cores.
Killed or stopped by Ctrl-C, the same command goes on with the shards that are missing. Parts of one build may write to one folder or
to several that are put together later: the last one, or the same command without --shard, writes the manifest.
`,
    )
    .action((config: string, options: BuildCommandOptions) => build(config, options, terminal));
}

/** 1/4 to 4/4, or 0/4 to 3/4: parts are counted modulo n. */
function parsePart(text: string): Part {
  const [, i, n] = /^(\d+)\/(\d+)$/.exec(text)?.map(Number) ?? [];
  if (i === undefined || n === undefined || n < 1 || i > n) {
    throw usageError(`--shard ${text}: expected i/n with i from 1 to n.`, "Such as 1/4.");
  }
  return { index: i, of: n };
}

async function build(path: string, options: BuildCommandOptions, terminal: Terminal): Promise<void> {
  const { buildCorpus } = await import("../../corpus/build.js");
  const { readCorpusConfig } = await import("../../corpus/config.js");
  const config = changed(await readCorpusConfig(path), options);
  const start = performance.now();
  let progress: Progress | undefined;
  let listed = 0;
  try {
    const { out, overwrite, workers = availableParallelism(), shard: part } = options;
    const built = await buildCorpus(
      config,
      { out, overwrite, workers, part },
      ({ phase, done, total, records, skipped, kept }) => {
        if (phase === "listing" || total === undefined) {
          listed = done;
          return;
        }
        if (!progress) {
          terminal.note(
            `${listed} photos listed in ${duration((performance.now() - start) / 1000)}${kept > 0 ? `; ${kept} shards are already there` : ""}`,
          );
          progress = startProgress(terminal, total, "photos");
        }
        progress.update(done, `(${records} records${skipped > 0 ? `, ${skipped} photos skipped` : ""})`);
      },
      terminal.signal,
    );
    progress?.stop();
    const [complete, all] = built.shards;
    if (built.manifest === null) {
      terminal.out(`${out}: ${complete} of ${all} shards; the manifest is written when the other parts are there.`);
      return;
    }
    for (const [split, { photos, records, shards }] of Object.entries(built.manifest.splits)) {
      terminal.out(`${split}: ${records} records of ${photos} photos in ${shards.length} shards`);
    }
    const { skipped } = built.manifest;
    if (skipped.length > 0) {
      terminal.note(
        `${skipped.length} ${skipped.length === 1 ? "photo" : "photos"} could not be used (all are listed in manifest.json); the first:`,
      );
      for (const { photo, reason } of skipped.slice(0, 3)) terminal.note(`  ${photo}: ${reason}`);
    }
    terminal.out(`${out}, made in ${duration((performance.now() - start) / 1000)}`);
  } catch (error) {
    if (isAbort(error)) terminal.note("The shards that are complete stay: run the same command again to go on.");
    throw error;
  } finally {
    progress?.stop();
  }
}

function changed(config: CorpusConfig, { data, size, seed, limit }: BuildCommandOptions): CorpusConfig {
  return {
    ...config,
    ...(data !== undefined && { data }),
    ...(size !== undefined && { size }),
    ...(seed !== undefined && { seed }),
    ...(limit !== undefined && { datasets: config.datasets.map((dataset) => ({ ...dataset, limit })) }),
  };
}
