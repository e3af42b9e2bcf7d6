/** A forward pass lets go of what each block made on the way: libtorch's memory does not wait for the whole network. */
import { expect, it } from "vitest";
import { AutoencoderKL } from "../../src/models/autoencoder.js";
import type { AutoencoderConfig } from "../../src/models/autoencoder-config.js";
import { createTorch } from "../../src/tensor/torch/index.js";
import { readGolden, weightName } from "./engines.js";

it("keeps only what lies between blocks", async () => {
  const golden = await readGolden<AutoencoderConfig>("autoencoder");
  const torch = createTorch({ threads: 1 });
  const vae = new AutoencoderKL(golden.config);
  torch.tidy(() => {
    vae.bind((name, { shape }) => torch.tensor(golden.file.read(weightName(golden, name)), shape));
    const { data, shape } = golden.group("inputs").image!;
    const image = torch.tensor(data, shape);
    const before = torch.liveTensors();
    torch.noGrad(() => vae.encode(torch.ops, image));
    // about one for each block and the few operations outside blocks; 63 without scopes
    expect(torch.liveTensors() - before).toBeLessThanOrEqual(20);
  });
});
