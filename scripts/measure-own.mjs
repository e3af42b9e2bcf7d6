/**
 * Measures a model on masks and yes/no questions of your own data that it was not trained on:
 *   node scripts/measure-own.mjs FOLDER SPLIT [MODEL]        e.g. street-data test runs/new-category/model
 * Prints for each category the intersection over union of all its masks together, absent ones included, beside that of an answer that is
 * white everywhere, and the share of right yes/no answers (mean of those that are yes and those that are no).
 */
import { load } from "instructcv";
import { getReader, photosOf, placeOf } from "instructcv/data";

const [root, split, model] = process.argv.slice(2);
if (!split) throw new Error("usage: node scripts/measure-own.mjs FOLDER SPLIT [MODEL]");
const perceiver = await load(model);
const rows = new Map();
const rowOf = (category) => {
  if (!rows.has(category)) rows.set(category, { both: 0, either: 0, white: 0, known: 0, right: [0, 0], asked: [0, 0] });
  return rows.get(category);
};

for await (const photo of photosOf(getReader("manifest"), placeOf("manifest", { name: "own", root, split }))) {
  const picture = await photo.image();
  const masks = await photo.masks?.();
  for (const { task, category, negative } of photo.asked) {
    const row = rowOf(category);
    if (task === "segmentation") {
      const { mask } = await perceiver.perceive(picture, `Segment the ${category}`);
      const truth = masks.get(category);
      for (let i = 0; i < mask.length; i++) {
        if (truth && truth[i] === 255) continue;
        const [found, there] = [mask[i] > 0, truth !== undefined && truth[i] === 1];
        row.both += found && there;
        row.either += found || there;
        row.white += there;
        row.known++;
      }
    }
    if (task === "classification") {
      const { present } = await perceiver.perceive(picture, `Is there a ${category}?`);
      row.right[Number(negative)] += present === !negative;
      row.asked[Number(negative)]++;
    }
  }
}
await perceiver.close();
const share = (a, b) => (b === 0 ? "-" : (a / b).toFixed(3));
for (const [category, { both, either, white, known, right, asked }] of rows) {
  const sides = right.map((count, i) => count / asked[i]).filter((value) => !Number.isNaN(value));
  const balanced = share(
    sides.reduce((sum, value) => sum + value, 0),
    sides.length,
  );
  console.log(`${category}: IoU ${share(both, either)} (all white ${share(white, known)}), yes/no ${balanced}`);
}
