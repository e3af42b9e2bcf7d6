/** Training low-rank changes of a frozen UNet (LoRA, arXiv 2106.09685), and the adapter file they become. */
import { type TensorData, writeSafetensors } from "../checkpoints/safetensors.js";
import { InstructCvError } from "../errors.js";
import type { Module, Parameter } from "../models/module.js";
import { createRng } from "../random.js";
import type { Ops, Tensor } from "../tensor/tensor.js";
import type { Torch } from "../tensor/torch/index.js";
import type { TrainConfig } from "./config.js";
import { createSlot, type Slot } from "./optimizer.js";

export type LoraOptions = NonNullable<TrainConfig["model"]["lora"]>;

/** The change of one weight [O, I, ...]: scale * up down, with `down` [r, I, ...] and `up` [O, r] (a convolution's: [O, r, 1, 1]). */
interface Layer {
  readonly module: string;
  readonly parameter: Parameter;
  readonly base: Tensor;
  readonly down: Slot;
  readonly up: Slot;
}

export interface Adapter {
  readonly slots: readonly Slot[];
  /** Which factors `merge` takes from now on. */
  use(field: "weight" | "average"): void;
  /** Binds W + scale * up down to every target: an expression of the innermost scope, to be made again for each forward pass. */
  merge(ops: Ops): void;
  /** Writes the averaged factors as diffusers does; `load_lora_weights` and `--lora` read them. */
  write(path: string, dtype: "F32" | "F16"): Promise<void>;
}

/**
 * An adapter of `unet`, whose weights are bound and stay as they are. As in diffusers' scripts `down` starts normal with standard
 * deviation 1 / rank and `up` at zero, so that nothing changes at first. Throws InstructCvError("config") for a target that names no
 * linear layer or convolution.
 */
export function createAdapter(torch: Torch, unet: Module, options: LoraOptions, seed: string): Adapter {
  const { rank, alpha, targets } = options;
  const scale = (alpha ?? rank) / rank;
  const layers = targetsOf(unet, targets).map(([module, parameter]): Layer => {
    const [outputs, ...inputs] = parameter.shape as [number, ...number[]];
    const slot = (factor: string, shape: readonly number[], fill: () => number) => {
      const data = Float32Array.from({ length: shape.reduce((product, n) => product * n, 1) }, fill);
      return createSlot(torch, `unet.${module}.${factor}.weight`, data, shape);
    };
    const rng = createRng(`${seed}/${module}`);
    return {
      module,
      parameter,
      base: parameter.value,
      down: slot("lora_A", [rank, ...inputs], () => rng.normal() / rank),
      up: slot("lora_B", [outputs, rank, ...inputs.slice(1).map(() => 1)], () => 0),
    };
  });
  let field: "weight" | "average" = "weight";
  const slots = layers.flatMap(({ down, up }) => [down, up]);
  return {
    slots,
    use: (chosen) => {
      field = chosen;
    },
    merge(ops) {
      for (const { parameter, base, down, up } of layers) {
        const up_OR = ops.reshape(up[field], [parameter.shape[0]!, rank]);
        const change = ops.mul(ops.matmul(up_OR, ops.reshape(down[field], [rank, -1])), scale);
        parameter.bind(ops.add(base, ops.reshape(change, parameter.shape)));
      }
    },
    write(path, dtype) {
      const tensors = slots.map(({ name, average }): [string, TensorData] => {
        return [name, { shape: average.shape, data: torch.read(average), dtype }];
      });
      return writeSafetensors(path, new Map(tensors), {
        format: "pt",
        lora_adapter_metadata: settings(options, layers),
      });
    },
  };
}

/** peft's rule: a target is a module's name or its end, whole parts only. */
function targetsOf(unet: Module, targets: readonly string[]): [string, Parameter][] {
  const modules = [...unet.namedParameters()].flatMap(([name, parameter]): [string, Parameter][] =>
    name.endsWith(".weight") && parameter.shape.length >= 2 ? [[name.slice(0, -".weight".length), parameter]] : [],
  );
  const isTarget = (module: string, target: string) => module === target || module.endsWith(`.${target}`);
  const lost = targets.find((target) => !modules.some(([module]) => isTarget(module, target)));
  if (lost !== undefined) {
    throw new InstructCvError(
      "config",
      `model.lora.targets: the UNet has no linear layer or convolution "${lost}".`,
      "Name modules as diffusers does, such as to_q, to_out.0 or conv_in.",
    );
  }
  return modules.filter(([module]) => targets.some((target) => isTarget(module, target)));
}

/** What peft's LoraConfig needs to build the same layers again, in the form of diffusers' adapter files. */
function settings({ rank, alpha }: LoraOptions, layers: readonly Layer[]): string {
  const values = {
    "unet.r": rank,
    "unet.lora_alpha": alpha ?? rank,
    "unet.target_modules": layers.map(({ module }) => module),
    "unet.peft_type": "LORA",
  };
  return JSON.stringify(values);
}
