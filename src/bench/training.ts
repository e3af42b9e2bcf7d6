/** Training speed of the small model's recipe, beside PyTorch's. */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { readConfig, type TrainConfig } from "../training/config.js";
import { benchTraining } from "./training-speed.js";

const recipe = await readConfig(fileURLToPath(new URL("../../configs/nano.yaml", import.meta.url)));
const threads = recipe.compute.threads ?? availableParallelism();
const config: TrainConfig = {
  ...recipe,
  // The weights do not matter to the clock, and the stage before this one need not have been trained.
  model: { ...recipe.model, init: null },
  compute: { ...recipe.compute, threads },
  // The yardstick has the networks and the drawing loss, not the training-only heads and their photos.
  loss: { ...recipe.loss, auxiliary: { sentence: 0, presence: 0, extent: 0, asked: 0, photos: 0 } },
};
const { samplesPerSecond, loaderShare, loaderSamplesPerSecond, pytorch: other } = await benchTraining(config);
const { dtype } = config.compute;
console.log(
  `  ${config.name}, batch ${config.optimizer.batch}, ${config.model.resolution} px, ${threads} threads, ${dtype}`,
);
console.log(
  `  this code      ${samplesPerSecond.toFixed(1)} samples/s, of which ${(100 * loaderShare).toFixed(1)}% making batches`,
);
console.log(
  `  its loader     ${loaderSamplesPerSecond.toFixed(0)} samples/s alone, ${(loaderSamplesPerSecond / samplesPerSecond).toFixed(0)} x the step`,
);
if (typeof other === "string") console.log(`  PyTorch        not measured: ${other}`);
else {
  console.log(`  PyTorch        ${other.samplesPerSecond.toFixed(1)} samples/s (torch ${other.torch}), batch given`);
  console.log(`  ratio          ${(samplesPerSecond / other.samplesPerSecond).toFixed(2)}`);
}
