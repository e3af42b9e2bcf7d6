/** Every operation against PyTorch's outputs (tests/goldens/ops.json, made by scripts/oracles/ops.py). */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { caseInputs, cases } from "../../../tests/tensor/cases.js";
import { OnnxOps } from "./ops.js";
import { type ArrayTensor, openSession } from "./session.js";

interface Golden {
  shape: number[];
  output: number[];
}
const goldens: Record<string, Golden> = JSON.parse(
  readFileSync(new URL("../../../tests/goldens/ops.json", import.meta.url), "utf8"),
);

test("the goldens cover the cases", () => {
  expect(cases.map(({ name }) => name)).toEqual(Object.keys(goldens));
});

test.each(cases)("$name", async (opCase) => {
  const ops = new OnnxOps();
  const feeds: Record<string, ArrayTensor> = {};
  const inputs = caseInputs(opCase).map(({ shape, dtype, values }, i) => {
    feeds[`x${i}`] = {
      data: dtype === "int64" ? BigInt64Array.from(values, BigInt) : Float32Array.from(values),
      shape,
    };
    return ops.input(`x${i}`, shape, dtype as "float32" | "int64");
  });
  const result = opCase.run(ops, inputs);
  const golden = goldens[opCase.name]!;
  expect(result.shape).toEqual(golden.shape);

  const session = await openSession(ops.finish({ y: result }), { threads: 1 });
  const { y } = await session.run(feeds);
  await session.close();
  expect(y!.shape).toEqual(golden.shape);
  const worst = Math.max(0, ...golden.output.map((want, i) => Math.abs(want - Number(y!.data[i]))));
  expect(worst).toBeLessThanOrEqual(opCase.tolerance ?? 1e-5);
});
