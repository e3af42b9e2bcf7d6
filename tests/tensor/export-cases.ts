/**
 * Prints every operation case as a program (its inputs and the operations it calls) for `scripts/oracles/ops.py`:
 * `npx vite-node tests/tensor/export-cases.ts | python scripts/oracles/ops.py`.
 */
import type { Ops, Tensor } from "../../src/tensor/tensor.js";
import { caseCotangent, caseInputs, cases } from "./cases.js";

interface Traced extends Tensor {
  readonly id: number;
}

/** Ops that record their calls; results have no shape, so a case may only look at the shapes of its inputs. */
function recorder(calls: unknown[], firstId: number): Ops {
  const encode = (arg: unknown): unknown => {
    if (arg === undefined) return null;
    if (ArrayBuffer.isView(arg))
      return { int: arg instanceof BigInt64Array, data: [...(arg as Float32Array)].map(Number) };
    if (Array.isArray(arg)) return arg.map(encode);
    return typeof arg === "object" && arg !== null && "id" in arg ? { tensor: arg.id } : arg;
  };
  const call =
    (op: string) =>
    (...args: unknown[]) => {
      calls.push([op, args.map(encode)]);
      return { id: firstId + calls.length - 1 };
    };
  return new Proxy({} as Ops, { get: (_, op) => call(op as string) });
}

const programs = cases.map((opCase) => {
  const inputs = caseInputs(opCase);
  const calls: unknown[] = [];
  const tensors = inputs.map(({ shape, dtype }, id): Traced => ({ id, shape, dtype }));
  opCase.run(recorder(calls, inputs.length), tensors);
  const differentiable = opCase.differentiable ?? true;
  return { name: opCase.name, inputs, calls, differentiable, cotangent: caseCotangent(opCase, 1000) };
});
console.log(JSON.stringify(programs));
