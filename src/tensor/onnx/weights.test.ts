import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../../checkpoints/safetensors.js";
import { OnnxOps } from "./ops.js";
import { openSession } from "./session.js";

const dir = mkdtempSync(join(tmpdir(), "instructcv-weights-"));
afterAll(() => rmSync(dir, { recursive: true }));

/** y = x W^T + b with the weights of `file`, which lies in `dir`. */
async function runLinear(file: string, optimisation?: "all") {
  const { entries } = await readSafetensors(join(dir, file));
  const ops = new OnnxOps();
  const weight = (name: string) => ops.parameter(name, entries.get(name)!, file);
  const y = ops.linear(ops.input("x", [1, 3]), weight("proj.weight"), weight("proj.bias"));
  const session = await openSession(ops.finish({ y }), { weightsFolder: dir, threads: 1, optimisation });
  const result = await session.run({ x: { data: Float32Array.of(1, 10, 100), shape: [1, 3] } });
  await session.close();
  return [...result.y!.data];
}

test.each(["F32", "F16", "BF16"] as const)("%s weights are used where they lie in the file", async (dtype) => {
  const tensors = new Map([
    // Three half floats move what follows off any four-byte boundary.
    ["odd", { shape: [3], data: new Float32Array(3), dtype: "F16" as const }],
    ["proj.weight", { shape: [2, 3], data: Float32Array.of(1, 2, 3, -1, -2, -3), dtype }],
    ["proj.bias", { shape: [2], data: Float32Array.of(0.5, 0), dtype }],
  ]);
  await writeSafetensors(join(dir, "w.safetensors"), tensors);
  expect(await runLinear("w.safetensors")).toEqual([321.5, -321]);
  expect(await runLinear("w.safetensors", "all")).toEqual([321.5, -321]);
});

test("a graph without its weights is one line", async () => {
  const ops = new OnnxOps();
  const w = ops.parameter("w", { dtype: "F32", shape: [1], start: 8, end: 12 }, "none.safetensors");
  const model = ops.finish({ y: ops.add(ops.input("x", [1]), w) });
  const error = await openSession(model, { weightsFolder: dir }).catch((e: unknown) => e);
  expect(error).toMatchObject({ name: "InstructCvError", code: "engine", message: /none\.safetensors/ });
  expect((error as Error).message).not.toContain("\n");
});
