/** Runs one model body on either tensor engine, weights and inputs taken from a golden file. */
import { dirname, resolve } from "node:path";
import { readSafetensors, type SafetensorsFile } from "../../src/checkpoints/safetensors.js";
import type { Module } from "../../src/models/module.js";
import { diskNames } from "../../src/models/weight-names.js";
import { OnnxOps } from "../../src/tensor/onnx/ops.js";
import { type ArrayTensor, openSession } from "../../src/tensor/onnx/session.js";
import type { Ops, Tensor } from "../../src/tensor/tensor.js";
import { createTorch } from "../../src/tensor/torch/index.js";

/** A golden file of scripts/oracles/models.py: tensors named `weights.*`, `inputs.*`, `outputs.*`. */
export interface Golden<Config> {
  config: Config;
  file: SafetensorsFile;
  /** Values of one group, by name without the group; `ids` as int64. */
  group(name: string): Record<string, ArrayTensor>;
}

export async function readGolden<Config>(name: string): Promise<Golden<Config>> {
  const file = await readSafetensors(resolve("tests/goldens/models", `${name}.safetensors`));
  return {
    config: JSON.parse(file.metadata.config!),
    file,
    group(group) {
      const found: Record<string, ArrayTensor> = {};
      for (const [full, { shape }] of file.entries) {
        if (!full.startsWith(`${group}.`)) continue;
        const key = full.slice(group.length + 1);
        const values = file.read(full);
        found[key] = { shape, data: key === "ids" ? BigInt64Array.from(values, BigInt) : values };
      }
      return found;
    },
  };
}

/** The golden's name of a parameter, whichever spelling it has there. */
export function weightName(golden: Golden<unknown>, parameter: string): string {
  const name = diskNames(parameter).find((one) => golden.file.entries.has(`weights.${one}`));
  if (name === undefined) throw new Error(`${golden.file.path} has no weight ${parameter}`);
  return `weights.${name}`;
}

export type Body<Name extends string> = (ops: Ops, inputs: Record<string, Tensor>) => Record<Name, Tensor>;

export interface Engine {
  name: string;
  run<Name extends string>(
    golden: Golden<unknown>,
    modules: readonly Module[],
    body: Body<Name>,
  ): Promise<Record<Name, ArrayTensor>>;
}

const torchEngine: Engine = {
  name: "torch",
  async run(golden, modules, body) {
    const torch = createTorch({ threads: 1 });
    return torch.tidy(() => {
      for (const module of modules) {
        module.bind((name, { shape }) => torch.tensor(golden.file.read(weightName(golden, name)), shape));
      }
      const inputs = mapValues(golden.group("inputs"), ({ data, shape }) => torch.tensor(data, shape));
      const outputs = torch.noGrad(() => body(torch.ops, inputs));
      return mapValues(outputs, (t) => ({ data: torch.read(t), shape: t.shape }));
    });
  },
};

const onnxEngine: Engine = {
  name: "onnx",
  async run(golden, modules, body) {
    const ops = new OnnxOps();
    const file = golden.file.path.slice(dirname(golden.file.path).length + 1);
    for (const module of modules) {
      module.bind((name) => {
        const full = weightName(golden, name);
        return ops.parameter(full, golden.file.entries.get(full)!, file);
      });
    }
    const arrays = golden.group("inputs");
    const inputs = mapObject(arrays, (name, { data, shape }) =>
      ops.input(name, shape, data instanceof Float32Array ? "float32" : "int64"),
    );
    const outputs = body(ops, inputs);
    // an output may not share the name of an input
    const renamed = Object.fromEntries(Object.entries<Tensor>(outputs).map(([name, t]) => [`${name}.out`, t]));
    const session = await openSession(ops.finish(renamed), { weightsFolder: dirname(golden.file.path), threads: 1 });
    try {
      const results = await session.run(arrays);
      return mapObject(outputs, (name) => results[`${name}.out`]!);
    } finally {
      await session.close();
    }
  },
};

export const engines: readonly Engine[] = [torchEngine, onnxEngine];

/** Largest absolute difference; infinite for unequal lengths or anything that is not a number. */
export function maxDifference(found: ArrayTensor, expected: ArrayTensor): number {
  if (found.shape.join() !== expected.shape.join()) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < expected.data.length; i++) {
    const difference = Math.abs(Number(found.data[i]) - Number(expected.data[i]));
    if (!(difference <= most)) most = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return most;
}

function mapObject<K extends string, A, B>(object: Record<K, A>, f: (key: K, value: A) => B): Record<K, B> {
  return Object.fromEntries(Object.entries<A>(object).map(([key, value]) => [key, f(key as K, value)])) as Record<K, B>;
}

function mapValues<K extends string, A, B>(object: Record<K, A>, f: (value: A) => B): Record<K, B> {
  return mapObject(object, (_, value) => f(value));
}
