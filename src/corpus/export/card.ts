/** The dataset card of an export: what `datasets` reads from its header, and what people read below it. */
import { stringify } from "yaml";
import { taskNames } from "../../tasks/registry.js";
import type { TaskName } from "../../tasks/task.js";
import type { Manifest } from "../record.js";
import { columns } from "./columns.js";
import { inline, table } from "./markdown.js";

export interface ExportedSplit {
  /** As `datasets` calls it. */
  readonly name: string;
  readonly records: number;
  readonly tasks: Readonly<Partial<Record<TaskName, number>>>;
  /** Names of its files in `data/`. */
  readonly files: readonly string[];
  /** Of the values, and of the files. */
  readonly bytes: number;
  readonly fileBytes: number;
}

/** What the hub calls the tasks. */
const categories: Readonly<Record<TaskName, string>> = {
  segmentation: "image-segmentation",
  detection: "object-detection",
  depth: "depth-estimation",
  classification: "image-classification",
};

/** `README.md`. Splits without records are left out: `datasets` wants a file for each that it is told of. */
export function datasetCard(manifest: Manifest, name: string, splits: readonly ExportedSplit[]): string {
  const total = (of: (split: ExportedSplit) => number) => splits.reduce((sum, split) => sum + of(split), 0);
  const asked = taskNames.filter((task) => splits.some(({ tasks }) => tasks[task]));
  const header = {
    pretty_name: name,
    language: ["en"],
    task_categories: ["image-to-image", ...asked.map((task) => categories[task])],
    tags: ["instructcv", "instruction-tuning"],
    license: "other",
    license_name: "licences-of-the-sources",
    license_details: manifest.datasets.map((dataset) => `${dataset.name}: ${dataset.licence}`).join("; "),
    size_categories: [sizeCategory(total(({ records }) => records))],
    configs: [
      {
        config_name: "default",
        data_files: splits.map((split) => ({ split: split.name, path: `data/${split.name}-*` })),
      },
    ],
    dataset_info: {
      features: columns.map(({ name: column, kind }) => ({ name: column, dtype: kind })),
      splits: splits.map((split) => ({ name: split.name, num_bytes: split.bytes, num_examples: split.records })),
      download_size: total(({ fileBytes }) => fileBytes),
      dataset_size: total(({ bytes }) => bytes),
    },
  };
  return `---
${stringify(header, { lineWidth: 0 })}---

# ${inline(name)}

Vision tasks as instruction-guided image editing: each row has a photo (\`input_image\`), a sentence (\`edit_prompt\`) and the answer
drawn as a picture (\`edited_image\`), ${manifest.size} x ${manifest.size} pixels each. All rows of a photo are in the same split.

${table(
  ["Split", ...asked, "rows"],
  splits.map(({ name: split, tasks, records }) => [split, ...asked.map((task) => `${tasks[task] ?? 0}`), `${records}`]),
)}
| Task | Drawn answer |
| --- | --- |
${asked.map((task) => `| ${task} | ${drawings(manifest)[task]} |`).join("\n")}

\`task\`, \`category\` (null for depth), \`dataset\` and \`photo\` (the id of the photo) say where a row comes from.

## Sources

The photos and labels stay under the terms of their sources.

${table(
  ["Dataset", "Title", "Its split", "Photos", "Licence"],
  manifest.datasets.map(({ name: set, title, split, photos, licence }) => [set, title, split, `${photos}`, licence]),
)}
## Loading

\`\`\`python
from datasets import load_dataset

rows = load_dataset("path/to/this/folder", split="${splits[0]?.name ?? "train"}")
rows[0]["input_image"], rows[0]["edit_prompt"], rows[0]["edited_image"]
\`\`\`

Made by instructcv ${manifest.version}, seed ${manifest.seed}.
`;
}

function drawings({ box_outline }: Manifest): Record<TaskName, string> {
  const outline =
    box_outline === null ? "4 pixels wide" : `${Math.round(100 * box_outline)}% of the box's shorter side wide`;
  return {
    segmentation: "white where the category is, black elsewhere, grey (128) where that is not known",
    detection: `the photo with a blue outline, ${outline}, around each instance of the category`,
    depth: "grey, linear from 0 m (black) to 10 m (white); black also where the depth is not known",
    classification: "the whole frame in the colour that the sentence names for yes or for no",
  };
}

function sizeCategory(rows: number): string {
  const [at, label] = [
    [1e3, "n<1K"],
    [1e4, "1K<n<10K"],
    [1e5, "10K<n<100K"],
    [1e6, "100K<n<1M"],
    [1e7, "1M<n<10M"],
  ].find(([limit]) => rows < Number(limit)) ?? [0, "n>10M"];
  return at === 0 ? "n>10M" : String(label);
}
