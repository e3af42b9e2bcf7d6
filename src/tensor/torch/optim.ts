/** The arithmetic of an optimizer step over whole lists of tensors, in place and inside libtorch. */
import type { Tensor } from "../tensor.js";
import type { Torch } from "./index.js";

export interface AdamWOptions {
  lr: number;
  /** @default [0.9, 0.999] */
  betas?: readonly [number, number];
  /** @default 1e-8 */
  eps?: number;
  /** Decoupled from the gradient: p -= lr * weightDecay * p. @default 0.01 */
  weightDecay?: number;
}

/**
 * One AdamW update (Loshchilov & Hutter 2019, arXiv 1711.05101) of float32 `params` in place, with the moments `m` and
 * `v` (zeros before the first step), as torch.optim.AdamW does it.
 * @param step number of this update, counted from 1
 */
export function adamwStep(
  torch: Torch,
  params: readonly Tensor[],
  grads: readonly Tensor[],
  m: readonly Tensor[],
  v: readonly Tensor[],
  step: number,
  { lr, betas: [beta1, beta2] = [0.9, 0.999], eps = 1e-8, weightDecay = 0.01 }: AdamWOptions,
): void {
  if (hasFusedAdamW(torch)) {
    inPlace(torch, () => {
      const stepTensor = torch.tensor(Float32Array.of(step), []);
      const steps = params.map(() => stepTensor);
      const hyper = { lr, beta1, beta2, weight_decay: weightDecay, eps, amsgrad: false, maximize: false };
      torch.call("aten::_fused_adamw_", [params, grads, m, v, [], steps], hyper);
    });
    return;
  }
  inPlace(torch, () => {
    torch.call("aten::_foreach_mul_.Scalar", [params, 1 - lr * weightDecay]);
    torch.call("aten::_foreach_mul_.Scalar", [m, beta1]);
    torch.call("aten::_foreach_add_.List", [m, grads, 1 - beta1]);
    torch.call("aten::_foreach_mul_.Scalar", [v, beta2]);
    torch.call("aten::_foreach_addcmul_.Scalar", [v, grads, grads, 1 - beta2]);
    // p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
    const denominators = torch.call("aten::_foreach_sqrt", [v]) as Tensor[];
    torch.call("aten::_foreach_div_.Scalar", [denominators, Math.sqrt(1 - beta2 ** step)]);
    torch.call("aten::_foreach_add_.Scalar", [denominators, eps]);
    torch.call("aten::_foreach_addcdiv_.Scalar", [params, m, denominators, -lr / (1 - beta1 ** step)]);
  });
}

/**
 * Scales the gradients in place so that their joint L2 norm is at most `max`, as torch.nn.utils.clip_grad_norm_ does.
 * @returns the norm before; not finite when a gradient is not, and then nothing is scaled
 */
export function clipGradNorm(torch: Torch, grads: readonly Tensor[], max: number): number {
  return inPlace(torch, () => {
    const norms = torch.call("aten::_foreach_norm.Scalar", [grads, 2]) as Tensor[];
    const total = torch.item(torch.call("aten::linalg_vector_norm", [torch.call("aten::stack", [norms])]) as Tensor);
    if (Number.isFinite(total) && total > max) torch.call("aten::_foreach_mul_.Scalar", [grads, max / (total + 1e-6)]);
    return total;
  });
}

/** Multiplies all numbers by one. */
export function scaleInPlace(torch: Torch, tensors: readonly Tensor[], factor: number): void {
  inPlace(torch, () => torch.call("aten::_foreach_mul_.Scalar", [tensors, factor]));
}

/** ema += (1 - decay) (params - ema), in place; one pass over the memory where libtorch has it, else two. */
export function emaUpdate(torch: Torch, ema: readonly Tensor[], params: readonly Tensor[], decay: number): void {
  inPlace(torch, () => {
    if (torch.has("aten::_foreach_lerp_.Scalar")) {
      torch.call("aten::_foreach_lerp_.Scalar", [ema, params, 1 - decay]);
      return;
    }
    torch.call("aten::_foreach_mul_.Scalar", [ema, decay]);
    torch.call("aten::_foreach_add_.List", [ema, params, 1 - decay]);
  });
}

/** The kernel behind torch.optim.AdamW(fused=True): on CUDA from torch 2.0 on, on the CPU from 2.4. */
function hasFusedAdamW({ version, device }: Torch): boolean {
  const [major, minor] = version.split(".").map(Number) as [number, number];
  return major > 2 || (major === 2 && minor >= (device === "cpu" ? 4 : 0));
}

/** In-place changes are not recorded for backward, and their temporaries go at once. */
const inPlace = <T>(torch: Torch, fn: () => T): T => torch.noGrad(() => torch.tidy(fn));
