/**
 * This package as one of the engines that bench.mjs times: stays up and answers one JSON line on stdin with one on stdout.
 *
 *   node scripts/sd/engine-ours.mjs DIR PRECISION SIDE THREADS
 */
const started = performance.now();

import { createInterface } from "node:readline";

const { readPicture } = await import("../../dist/image/io.js");
const { LoadedModel } = await import("../../dist/inference/model.js");
const imported = performance.now();
const [dir, precision] = process.argv.slice(2);
const [side, threads] = process.argv.slice(4).map(Number);
const model = await LoadedModel.open(dir, { precision, threads });
await model.prepare({ width: side, height: side });
const loaded = performance.now();
answer({ import: (imported - started) / 1000, load: (loaded - imported) / 1000, versions: await versions() });

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  answer(request.sgemm ? await sgemm(request.sgemm) : await draw(request.draw));
}
await model.close();

async function draw({ photo, sentence, steps, seed, guidance }) {
  const picture = await readPicture(photo);
  const start = performance.now();
  const { timings } = await model.draw(picture, sentence, { steps, seed, guidance, sampler: model.sampler });
  const seconds = (performance.now() - start) / 1000;
  const phases = Object.fromEntries(Object.entries(timings).map(([phase, ms]) => [phase, ms / 1000]));
  return { seconds, phases };
}

/** Best rate of a float32 product of square matrices, floating-point operations a second. */
async function sgemm({ side, repeats }) {
  const { OnnxOps } = await import("../../dist/tensor/onnx/ops.js");
  const { openSession } = await import("../../dist/tensor/onnx/session.js");
  const ops = new OnnxOps();
  const shape = [side, side];
  const product = ops.matmul(ops.input("a", shape), ops.input("b", shape));
  // One row is given back: a copy of the whole result would be timed too.
  const session = await openSession(ops.finish({ row: ops.slice(product, 0, 0, 1) }), { threads });
  const matrix = () => ({ data: Float32Array.from({ length: side ** 2 }, () => Math.random() - 0.5), shape });
  const inputs = { a: matrix(), b: matrix() };
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < repeats; i++) {
    const start = performance.now();
    await session.run(inputs);
    best = Math.min(best, performance.now() - start);
  }
  await session.close();
  return { rate: (2 * side ** 3 * 1000) / best };
}

async function versions() {
  const { default: ort } = await import("onnxruntime-node");
  return { node: process.version, onnxruntime: ort.env.versions.node };
}

function answer(value) {
  console.log(JSON.stringify(value));
}
