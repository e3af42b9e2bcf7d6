/** The whole pipeline draws what diffusers' draws from the same files, photo and noise (scripts/oracles/pipeline.py). */
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readSafetensors } from "../src/checkpoints/safetensors.js";
import type { SamplerName } from "../src/diffusion/samplers/registry.js";
import { LoadedModel } from "../src/inference/model.js";

interface Case {
  readonly name: string;
  readonly sampler: SamplerName;
  readonly steps: number;
  readonly text: number;
  readonly image: number;
}

const folder = join(import.meta.dirname, "goldens/pipeline");
const golden = await readSafetensors(join(folder, "drawings.safetensors"));
const cases = JSON.parse(golden.metadata.cases!) as Case[];
const [height, width] = golden.entries.get("photo")!.shape as [number, number];
const photo = { width, height, data: Uint8Array.from(golden.read("photo")) };
const model = await LoadedModel.open(folder, { threads: 1 });
afterAll(() => model.close());

test.each(cases)("$sampler, $steps steps, guidance $text / $image", async ({ name, sampler, steps, text, image }) => {
  const values = golden.read(`${name}.noise`);
  let used = 0;
  const { drawn } = await model.draw(photo, golden.metadata.sentence!, {
    steps,
    seed: 0,
    guidance: { text, image },
    sampler,
    noise: () => values[used++]!,
  });
  const expected = golden.read(`${name}.picture`);
  const area = width * height;
  let most = 0;
  for (let p = 0; p < area; p++)
    for (let c = 0; c < 3; c++) most = Math.max(most, Math.abs(drawn.data[3 * p + c]! - expected[c * area + p]!));
  expect(most).toBeLessThan(2e-5);
});
