/** The card of a trained model: a header that the Hugging Face hub reads, and for people what it is, from what, and what it cannot do. */
import { stringify } from "yaml";
import type { Defaults } from "../../checkpoints/configs.js";
import { inline } from "../../corpus/export/markdown.js";
import type { TaskName } from "../../tasks/task.js";
import { packageVersion } from "../../version.js";
import { dataSection } from "./data-section.js";
import type { CardFacts } from "./facts.js";
import { modelTable } from "./model-table.js";
import { measuredSection, trainingSection } from "./training-section.js";

/** What the hub calls the tasks. */
const hubTags: Readonly<Record<TaskName, string>> = {
  segmentation: "image-segmentation",
  detection: "object-detection",
  depth: "depth-estimation",
  classification: "image-classification",
};

const sentences: Readonly<Record<TaskName, (category: string) => string>> = {
  segmentation: (category) => `Segment the ${category}`,
  detection: (category) => `Detect the ${category}`,
  depth: () => "Estimate the depth of this image",
  classification: (category) => `Is there a ${category}?`,
};

/** README.md. Every number is one of the run's; the same facts give the same text. */
export function modelCard(facts: CardFacts): string {
  const { config, defaults, hasCurve } = facts;
  const opensWhole = config.model.vae._class_name === "AutoencoderKL";
  const header = {
    license: config.output.license ?? "other",
    library_name: opensWhole ? "diffusers" : "instructcv",
    pipeline_tag: "image-to-image",
    tags: ["instructcv", "instruct-pix2pix", ...defaults.tasks.map((task) => hubTags[task])],
    language: ["en"],
  };
  return `---
${stringify(header, { lineWidth: 0 })}---

# ${inline(config.name)}

A photo and a sentence in, a picture that is the answer out, which [InstructCV](https://arxiv.org/abs/2310.00390)'s idea reads as typed data. Tasks: ${defaults.tasks.join(", ")}.

${modelTable(facts)}
## Use

${usage(defaults, opensWhole, config.model.lora !== null)}
## Data

${dataSection(facts)}
## Training

${trainingSection(facts)}
## At the end of training

${measuredSection(facts)}${hasCurve ? "\n![losses by step](loss.svg)\n" : ""}
## Limitations

${limits(facts)
  .map((line) => `- ${line}\n`)
  .join("")}
Written by instructcv ${packageVersion()} from the files of the run.
`;
}

function usage({ tasks, categories }: Defaults, opensWhole: boolean, adapter: boolean): string {
  // A name of nothing but letters needs no escaping in a shell or a program.
  const category = categories.find((name) => /^[a-z]+$/.test(name)) ?? "cat";
  const sentence = sentences[tasks[0] ?? "segmentation"](category);
  const python = `\`\`\`python
from diffusers import StableDiffusionInstructPix2PixPipeline
from diffusers.utils import load_image
pipeline = StableDiffusionInstructPix2PixPipeline.from_pretrained("path/to/this/folder")
drawn = pipeline("${sentence}", image=load_image("photo.jpg")).images[0]
\`\`\`
`;
  const partly = `The whole does not open in diffusers: its \`vae\` is SpaceToDepth, which only instructcv has. \`unet\` opens as UNet2DConditionModel,
\`text_encoder\` and \`tokenizer\` as CLIPTextModel and CLIPTokenizer.
`;
  return `\`\`\`
npx instructcv run photo.jpg "${sentence}" --model path/to/this/folder
npx instructcv export path/to/this/folder --out for-the-browser
\`\`\`

\`\`\`js
import { load } from "instructcv";
const model = await load("path/to/this/folder");
const seen = await model.perceive("photo.jpg", "${sentence}");
\`\`\`

${opensWhole ? python : partly}${adapter ? "\n`lora/` is what was trained, as an adapter of the model that the run started from; here it is merged.\n" : ""}`;
}

/** What the facts themselves say that the model cannot do. */
function limits({ config, defaults, metrics }: CardFacts): string[] {
  const { resolution } = config.model;
  const all = Object.keys(hubTags) as TaskName[];
  const untrained = all.filter((task) => !defaults.tasks.includes(task));
  const known = defaults.categories.map(inline).join(", ");
  return [
    `It sees the whole photo squashed to ${resolution} x ${resolution} pixels: smaller things and exact outlines are lost.`,
    known === "" ? "It was trained on no category." : `It was trained on these categories and no others: ${known}.`,
    ...(untrained.length > 0 ? [`It was not trained for ${untrained.join(", ")}.`] : []),
    metrics.some((line) => line.validation)
      ? "The validation numbers are of a few records of its own corpus, one step, no ensemble; no test set was looked at. `instructcv eval` measures with standard metrics."
      : "It was not validated. `instructcv eval` measures with standard metrics.",
    ...(config.output.license === null ? ["Its recipe states no licence."] : []),
  ];
}
