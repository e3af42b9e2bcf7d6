/** A small convolutional network trained for hundreds of steps: memory stays flat, and the same seed gives the same bits. */
import { expect, test } from "vitest";
import type { Ops, Tensor } from "../tensor.js";
import { createTorch, type Torch } from "./index.js";
import { adamwStep, clipGradNorm, emaUpdate } from "./optim.js";

const device = process.env.INSTRUCTCV_DEVICE ?? "cpu";
const shapes = [[16, 3, 3, 3], [16], [16], [16], [3, 16, 3, 3], [3]];
const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

function network(ops: Ops, x: Tensor, [w1, b1, scale, shift, w2, b2]: Tensor[]): Tensor {
  const h = ops.conv2d(x, w1!, b1!, { padding: 1 });
  return ops.conv2d(ops.silu(ops.groupNorm(h, 4, scale!, shift!, 1e-5)), w2!, b2!, { padding: 1 });
}

/** Trains from a seed, calling back after each step with its loss. */
function train(torch: Torch, steps: number, onStep: (step: number, loss: number) => void): void {
  torch.manualSeed(7);
  const start = (shape: number[]) => torch.tidy(() => torch.read(ops.mul(torch.randn(shape), 0.1)));
  const { ops } = torch;
  const params = shapes.map((shape) => torch.tensor(start(shape), shape, { requiresGrad: true }));
  const [m, v, ema] = [0, 1, 2].map(() => shapes.map((shape) => torch.tensor(new Float32Array(sizeOf(shape)), shape)));
  for (let step = 1; step <= steps; step++) {
    const loss = torch.tidy(() => {
      const x = torch.randn([8, 3, 24, 24]);
      const error = ops.sub(ops.cast(network(ops, x, params), "float32"), x);
      const loss = ops.mean(ops.mul(error, error));
      torch.backward(loss);
      const grads = params.map((p) => torch.grad(p)!);
      clipGradNorm(torch, grads, 1);
      adamwStep(torch, params, grads, m!, v!, step, { lr: 1e-2 });
      emaUpdate(torch, ema!, params, 0.99);
      torch.zeroGrad(params);
      return torch.item(loss);
    });
    onStep(step, loss);
  }
  torch.dispose([params, m, v, ema]);
}

test("500 steps leave no tensor and no memory behind", () => {
  const torch = createTorch({ threads: 1, device });
  const losses: number[] = [];
  let settled = 0;
  train(torch, 500, (step, loss) => {
    losses.push(loss);
    if (step === 100) settled = process.memoryUsage.rss();
  });
  const grown = (process.memoryUsage.rss() - settled) / 1e6;
  // One step makes about 15 MB of tensors: a leak of one of them a step would be gigabytes.
  expect(grown).toBeLessThan(30);
  expect(torch.liveTensors()).toBe(0);
  expect(losses.at(-1)).toBeLessThan(losses[0]! / 10);
});

test.each(["float32", "bfloat16"] as const)("the same seed trains the same bits in %s", (computeDtype) => {
  const torch = createTorch({ threads: 1, device, computeDtype });
  const run = () => {
    const losses: number[] = [];
    train(torch, 10, (_, loss) => losses.push(loss));
    return losses;
  };
  expect(run()).toEqual(run());
});
