/** `instructcv data export`: a corpus as a folder of Parquet files that Hugging Face `datasets` loads. */
import type { Command } from "commander";
import { EXIT } from "../exit.js";
import { collect } from "../options.js";
import { type Progress, startProgress } from "../progress.js";
import type { Terminal } from "../terminal.js";

interface ExportCommandOptions {
  readonly out: string;
  readonly split?: string[];
}

export function addExport(parent: Command, terminal: Terminal, exit: (code: number) => void): void {
  parent
    .command("export")
    .summary("export a corpus for Hugging Face datasets")
    .description(
      "Write a corpus as Parquet files and a dataset card, with the columns of InstructPix2Pix: input_image, edit_prompt, edited_image.",
    )
    .argument("<corpus>", "corpus folder")
    .requiredOption("-o, --out <dir>", "folder to make")
    .option("--split <name>", "only this part of the corpus (may be repeated)", collect)
    .action(async (corpus: string, options: ExportCommandOptions) =>
      exit(await exportForDatasets(corpus, options, terminal)),
    );
}

async function exportForDatasets(corpus: string, options: ExportCommandOptions, terminal: Terminal): Promise<number> {
  const { exportCorpus } = await import("../../corpus/export/export.js");
  const { out, split: splits } = options;
  let progress: Progress | undefined;
  try {
    const onProgress = (done: number, total: number) => {
      progress ??= startProgress(terminal, total, "rows");
      progress.update(done);
    };
    const exported = await exportCorpus(corpus, { out, splits }, onProgress, terminal.signal);
    progress?.stop();
    for (const { name, records, files, fileBytes } of exported) {
      const size = `${(fileBytes / 1e6).toFixed(1)} MB`;
      terminal.out(`${name}: ${records} rows in ${files.length} file${files.length === 1 ? "" : "s"}, ${size}`);
    }
    terminal.out(out);
    return EXIT.done;
  } finally {
    progress?.stop();
  }
}
