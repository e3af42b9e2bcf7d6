/** The card's section about the corpus, from its manifest. */
import { inline, table } from "../../corpus/export/markdown.js";
import { type CardFacts, nameOf } from "./facts.js";

export function dataSection({ config, manifest }: CardFacts): string {
  if (!manifest) return "The corpus was not there any more when this was written.\n";
  const { train_split, val_split, corpus, weights } = config.data;
  const splits = [train_split, val_split].map((name) => {
    const { photos = 0, records = 0 } = manifest.splits[name] ?? {};
    return [name === train_split ? "trained on" : "watched on", name, `${photos}`, `${records}`];
  });
  const sources = manifest.datasets.map(({ title, split, photos, licence }) => [title, split, `${photos}`, licence]);
  const shares = Object.entries(weights).map(([task, weight]) => `${task} ${weight}`);
  return `Corpus ${inline(nameOf(corpus))}, ${manifest.size} x ${manifest.size} pixels, built by instructcv ${inline(manifest.version)} with seed ${manifest.seed}.

${table(["", "Split", "Photos", "Records"], splits)}
${
  sources.length === 0
    ? "Its manifest names no dataset.\n"
    : `${table(["Dataset", "Its split", "Photos", "Licence"], sources)}
Photos and labels stay under the terms of their sources.
`
}
Tasks are drawn in these shares: ${shares.join(", ")}; ${Math.round(100 * config.data.template_share)}% of the sentences are templates.
`;
}
