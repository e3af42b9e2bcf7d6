/** In bfloat16 a model computes what it does in float32, to that format's three digits, and stays differentiable. */
import { expect, it } from "vitest";
import { UNet2DConditionModel } from "../../src/models/unet.js";
import type { UNetConfig } from "../../src/models/unet-config.js";
import { createTorch } from "../../src/tensor/torch/index.js";
import { readGolden, weightName } from "./engines.js";

it("UNet2DConditionModel with computeDtype bfloat16", async () => {
  const golden = await readGolden<UNetConfig>("unet-nano");
  const expected = golden.group("outputs").sample!.data;
  const torch = createTorch({ threads: 1, computeDtype: "bfloat16" });
  const unet = new UNet2DConditionModel(golden.config);
  torch.tidy(() => {
    unet.bind((name, { shape }) =>
      torch.tensor(golden.file.read(weightName(golden, name)), shape, { requiresGrad: true }),
    );
    const { sample, timestep, encoder_hidden_states: states } = golden.group("inputs");
    const drawn = unet.forward(torch.ops, {
      sample: torch.tensor(sample!.data, sample!.shape),
      timestep: torch.tensor(timestep!.data, timestep!.shape),
      encoderHiddenStates: torch.tensor(states!.data, states!.shape),
    });
    const found = torch.read(drawn);
    const error = Math.sqrt(found.reduce((sum, v, i) => sum + (v - Number(expected[i])) ** 2, 0));
    const size = Math.sqrt(found.reduce((sum, v) => sum + v ** 2, 0));
    // libtorch 1.13's kernels for processors without such instructions round their sums too: 0.06 there.
    expect(error / size).toBeLessThan(torch.version.startsWith("1.") ? 0.1 : 0.03);
    expect(error / size).toBeGreaterThan(1e-5);

    torch.backward(torch.ops.mean(torch.ops.cast(drawn, "float32")));
    for (const [name, parameter] of unet.namedParameters()) {
      expect(torch.read(torch.grad(parameter.value)!).every(Number.isFinite), name).toBe(true);
    }
  });
});
