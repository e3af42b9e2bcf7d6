/** The training engine's gradients through a whole UNet are PyTorch's. */
import { expect, it } from "vitest";
import { UNet2DConditionModel } from "../../src/models/unet.js";
import type { UNetConfig } from "../../src/models/unet-config.js";
import { createTorch } from "../../src/tensor/torch/index.js";
import { maxDifference, readGolden, weightName } from "./engines.js";

it("d mean((unet(x) - target)^2) / d everything", async () => {
  const golden = await readGolden<UNetConfig>("unet-plain");
  const expected = await readGolden<UNetConfig>("unet-plain-gradients");
  const torch = createTorch({ threads: 1 });
  const unet = new UNet2DConditionModel(golden.config);
  const leaf = { requiresGrad: true };

  torch.tidy(() => {
    unet.bind((name, { shape }) => torch.tensor(golden.file.read(weightName(golden, name)), shape, leaf));
    const { sample, timestep, encoder_hidden_states: context } = golden.group("inputs");
    const noisy = torch.tensor(sample!.data, sample!.shape, leaf);
    const states = torch.tensor(context!.data, context!.shape, leaf);
    const { target } = expected.group("inputs");

    const times = torch.tensor(timestep!.data, timestep!.shape);
    const drawn = unet.forward(torch.ops, { sample: noisy, timestep: times, encoderHiddenStates: states });
    const error = torch.ops.sub(drawn, torch.tensor(target!.data, target!.shape));
    const loss = torch.ops.mean(torch.ops.mul(error, error));
    torch.backward(loss);

    expect(torch.item(loss)).toBeCloseTo(Number(expected.group("outputs").loss!.data[0]), 5);
    const found = new Map([...unet.namedParameters()].map(([name, parameter]) => [name, parameter.value]));
    const gradients = expected.group("gradients");
    expect([...found.keys()].sort()).toEqual(Object.keys(gradients).sort());
    for (const [name, gradient] of Object.entries({ ...gradients, ...expected.group("input_gradients") })) {
      const tensor = { sample: noisy, encoder_hidden_states: states }[name] ?? found.get(name)!;
      const got = torch.grad(tensor)!;
      expect(maxDifference({ data: torch.read(got), shape: got.shape }, gradient), name).toBeLessThan(1e-4);
    }
  });
});
