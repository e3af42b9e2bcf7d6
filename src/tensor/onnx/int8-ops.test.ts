/** Quantised layers against the same arithmetic by hand: bytes, an integer product, scales. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readSafetensors } from "../../checkpoints/safetensors.js";
import { stageSafetensors } from "../../checkpoints/staged-safetensors.js";
import { createRng } from "../../random.js";
import type { Tensor } from "../tensor.js";
import { BINS, CalibrationOps } from "./calibration-ops.js";
import { Int8Ops, quantisation } from "./int8-ops.js";
import { saturates } from "./int8-probe.js";
import { encodeModel } from "./proto.js";
import { openSession } from "./session.js";

const dir = mkdtempSync(join(tmpdir(), "instructcv-int8-"));
afterAll(() => rmSync(dir, { recursive: true }));
const rng = createRng(5);
const normal = (n: number) => Float32Array.from({ length: n }, () => rng.normal());

interface Layer {
  /** [taps, inputs, outputs] */
  readonly weight: (tap: number, input: number, output: number) => number;
  readonly scales: Float32Array;
  readonly range: readonly [number, number];
  readonly channels?: Float32Array;
}

/** A file with one layer `layer` of random weights. */
async function makeLayer(
  taps: number,
  inputs: number,
  outputs: number,
  even: boolean,
): Promise<Layer & { file: string }> {
  const bytes = Int8Array.from({ length: taps * inputs * outputs }, () => rng.int(129) - 64);
  const scales = Float32Array.from({ length: outputs }, () => 0.01 + rng.next() / 50);
  // Narrower than the inputs, so that some are cut off.
  const range = [-1.5, 2] as const;
  const channels = even ? Float32Array.from({ length: inputs }, () => 0.5 + rng.next()) : undefined;
  const raw = (data: Float32Array | Int8Array) => new Uint8Array(data.buffer);
  const file = `layer-${taps}-${inputs}-${outputs}-${even}.safetensors`;
  const tensors = [
    { name: "layer.weight", dtype: "I8" as const, shape: [taps * inputs, outputs], bytes: () => raw(bytes) },
    { name: "layer.weight_scale", dtype: "F32" as const, shape: [outputs], bytes: () => raw(scales) },
    { name: "layer.input_range", dtype: "F32" as const, shape: [2], bytes: () => raw(Float32Array.from(range)) },
    ...(channels
      ? [{ name: "layer.input_channels", dtype: "F32" as const, shape: [inputs], bytes: () => raw(channels) }]
      : []),
  ];
  await stageSafetensors(join(dir, file), tensors, {}, async () => ({}));
  const weight = (tap: number, i: number, o: number) => bytes[(tap * inputs + i) * outputs + o]!;
  return { weight, scales, range, file, ...(channels && { channels }) };
}

/** What a quantised input stands for, in steps of the scale. */
function steps(value: number, { range, channels }: Layer, channel: number): number {
  const { scale, zero } = quantisation(...range);
  const divided = channels ? Math.fround(value * Math.fround(1 / channels[channel]!)) : value;
  return Math.min(255, Math.max(0, Math.round(divided / scale) + zero)) - zero;
}

async function run(file: string, shape: number[], x: Float32Array, body: (ops: Int8Ops, x: Tensor) => Tensor) {
  const ops = new Int8Ops(await readSafetensors(join(dir, file)), file);
  const model = encodeModel(ops.graph({ y: body(ops, ops.input("x", shape)) }));
  const session = await openSession(model, { weightsFolder: dir, threads: 1 });
  const { y } = await session.run({ x: { data: x, shape } });
  await session.close();
  return y!;
}

test("a range is spread over 0..255 with 0 among them", () => {
  expect(quantisation(-1, 1.55)).toEqual({ scale: Math.fround(0.01), zero: 100 });
  expect(quantisation(0.5, 2.55)).toEqual({ scale: Math.fround(0.01), zero: 0 });
  expect(quantisation(-2.55, -1)).toEqual({ scale: Math.fround(0.01), zero: 255 });
});

test.each([true, false])("linear, bias %s", async (biased) => {
  const [rows, inputs, outputs] = [6, 10, 7];
  const layer = await makeLayer(1, inputs, outputs, false);
  const x = normal(rows * inputs);
  const bias = normal(outputs);
  const y = await run(layer.file, [2, 3, inputs], x, (ops, value) =>
    ops.linear(value, ops.weight("layer.weight", [outputs, inputs]), biased ? ops.constant(bias, [outputs]) : null),
  );
  expect(y.shape).toEqual([2, 3, outputs]);
  const { scale } = quantisation(...layer.range);
  for (let r = 0; r < rows; r++)
    for (let o = 0; o < outputs; o++) {
      let sum = 0;
      for (let i = 0; i < inputs; i++) sum += steps(x[r * inputs + i]!, layer, i) * layer.weight(0, i, o);
      expect(y.data[r * outputs + o]).toBeCloseTo(sum * scale * layer.scales[o]! + (biased ? bias[o]! : 0), 4);
    }
});

test.each([
  { kernel: 3, stride: 1, padding: 1, even: false },
  { kernel: 3, stride: 2, padding: 1, even: true },
  { kernel: 3, stride: 2, padding: 0, even: false },
  { kernel: 1, stride: 1, padding: 0, even: true },
])("convolution %o", async ({ kernel, stride, padding, even }) => {
  const [batch, inputs, outputs, height, width] = [2, 5, 4, 6, 7];
  const layer = await makeLayer(kernel * kernel, inputs, outputs, even);
  const x = normal(batch * inputs * height * width);
  const bias = normal(outputs);
  const shape = [outputs, inputs, kernel, kernel];
  const y = await run(layer.file, [batch, inputs, height, width], x, (ops, value) =>
    ops.conv2d(value, ops.weight("layer.weight", shape), ops.constant(bias, [outputs]), { stride, padding }),
  );
  const [h, w] = [height, width].map((n) => Math.floor((n + 2 * padding - kernel) / stride) + 1) as [number, number];
  expect(y.shape).toEqual([batch, outputs, h, w]);
  const { scale } = quantisation(...layer.range);
  const at = (b: number, i: number, r: number, c: number) =>
    r < 0 || r >= height || c < 0 || c >= width ? 0 : steps(x[((b * inputs + i) * height + r) * width + c]!, layer, i);
  const expected: number[] = [];
  for (let b = 0; b < batch; b++)
    for (let o = 0; o < outputs; o++)
      for (let r = 0; r < h; r++)
        for (let c = 0; c < w; c++) {
          let sum = 0;
          for (let i = 0; i < inputs; i++)
            for (let tap = 0; tap < kernel * kernel; tap++) {
              const [dr, dc] = [Math.floor(tap / kernel), tap % kernel];
              sum += at(b, i, r * stride + dr - padding, c * stride + dc - padding) * layer.weight(tap, i, o);
            }
          expected.push(sum * scale * layer.scales[o]! + bias[o]!);
        }
  const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - Number(y.data[i]))), 0);
  expect(worst).toBeLessThan(1e-4);
});

test.each([
  { stride: 1, padding: 1 },
  { stride: 2, padding: 0 },
])("convolution from bytes to bytes, each output channel in its own range: %o", async ({ stride, padding }) => {
  const [inputs, outputs, height, width] = [5, 3, 6, 7];
  const rng = createRng(4);
  const weight = Int8Array.from({ length: outputs * inputs * 9 }, () => rng.int(129) - 64);
  const scales = Float32Array.of(0.01, 0.02, 0.03);
  const bias = Float32Array.of(0.5, -2, 1);
  // Wide, narrow (values are cut off), and shifted.
  const ranges = Float32Array.of(-30, -2, -5, 20, 4, 60);
  const raw = ({ buffer }: Float32Array | Int8Array) => new Uint8Array(buffer);
  const floats = (name: string, shape: number[], data: Float32Array) =>
    ({ name: `layer.${name}`, dtype: "F32", shape, bytes: () => raw(data) }) as const;
  const file = `bytes-${stride}.safetensors`;
  const shape = [outputs, inputs, 3, 3];
  const tensors = [
    { name: "layer.weight", dtype: "I8" as const, shape, bytes: () => raw(weight) },
    floats("bias", [outputs], bias),
    floats("weight_scale", [outputs], scales),
    floats("input_range", [2], Float32Array.of(-2, 3)),
    floats("output_ranges", [2, outputs], ranges),
  ];
  await stageSafetensors(join(dir, file), tensors, {}, async () => ({}));
  const x = normal(inputs * height * width);
  const y = await run(file, [1, inputs, height, width], x, (ops, value) =>
    ops.conv2d(value, ops.weight("layer.weight", shape), ops.weight("layer.bias", [outputs]), { stride, padding }),
  );
  const [h, w] = [height, width].map((n) => Math.floor((n + 2 * padding - 3) / stride) + 1) as [number, number];
  expect(y.shape).toEqual([1, outputs, h, w]);
  const input = quantisation(-2, 3);
  let cut = 0;
  for (let o = 0; o < outputs; o++)
    for (let r = 0; r < h; r++)
      for (let c = 0; c < w; c++) {
        let sum = 0;
        for (let i = 0; i < inputs; i++)
          for (let tap = 0; tap < 9; tap++) {
            const [row, column] = [r * stride + Math.floor(tap / 3) - padding, c * stride + (tap % 3) - padding];
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            const byte = Math.round(x[(i * height + row) * width + column]! / input.scale) + input.zero;
            sum += (Math.min(255, Math.max(0, byte)) - input.zero) * weight[(o * inputs + i) * 9 + tap]!;
          }
        const exact = sum * input.scale * scales[o]! + bias[o]!;
        const { scale, zero } = quantisation(ranges[o]!, ranges[outputs + o]!);
        const kept = Math.min((255 - zero) * scale, Math.max(-zero * scale, exact));
        if (kept !== exact) cut++;
        // Half a step, and what rounding the bias to a step of the sums adds.
        expect(Math.abs(Number(y.data[(o * h + r) * w + c]) - kept)).toBeLessThan(0.52 * scale);
      }
  expect(cut).toBeGreaterThan(0);
});

test("a weight of another shape than its parameter is refused", async () => {
  const { file } = await makeLayer(1, 3, 2, false);
  const ops = new Int8Ops(await readSafetensors(join(dir, file)), file);
  expect(() => ops.weight("layer.weight", [2, 4])).toThrow(
    /expected layer.weight as I8 \[4,2\], found I8 \[3,2\].*quantize/,
  );
});

test("weights within 64 never exceed 16 bits in a pair of products; whether more may is found out", async () => {
  expect(2 * 255 * 64).toBeLessThan(2 ** 15);
  expect(2 * 255 * 65).toBeGreaterThan(2 ** 15);
  expect(typeof (await saturates())).toBe("boolean");
});

test("calibration measures what comes out of a convolution where that becomes bytes", async () => {
  const ops = new CalibrationOps(() => true, undefined, true);
  const weight = ops.constant(Float32Array.of(1, -2), [2, 1, 1, 1]);
  ops.conv2d(ops.input("x", [1, 1, 1, 3]), weight, ops.constant(Float32Array.of(0, 1), [2]));
  const session = await openSession(encodeModel(ops.graph()), { threads: 1 });
  const found = await session.run({ x: { data: Float32Array.of(-1, 2, 3), shape: [1, 1, 1, 3] } });
  await session.close();
  const output = Object.entries(found).find(([name]) => name.endsWith(".output"))![1];
  expect(output).toEqual({ data: Float32Array.of(-1, -5, 3, 3), shape: [2, 2] });
});

test("calibration counts what goes into a convolution, channel by channel first", async () => {
  const x = Float32Array.of(-1, 2, 3, 4, 10, 20, 30, 40);
  const observe = async (ops: CalibrationOps) => {
    const weight = ops.parameter("w.weight", { dtype: "F32", shape: [1, 2, 1, 1], start: 0, end: 8 }, "unused");
    ops.conv2d(ops.input("x", [1, 2, 2, 2]), weight, null);
    const session = await openSession(encodeModel(ops.graph()), { threads: 1 });
    const { "w.input": statistic } = await session.run({ x: { data: x, shape: [1, 2, 2, 2] } });
    await session.close();
    return statistic!;
  };
  const extremes = await observe(new CalibrationOps(() => true));
  expect(extremes).toEqual({ data: Float32Array.of(-1, 10, 4, 40), shape: [2, 2] });
  const scaling = { range: [-1, 3] as const, channels: Float32Array.of(1, 10) };
  const histogram = await observe(new CalibrationOps(() => true, new Map([["w", scaling]])));
  const found = [...histogram.data.entries()].filter(([, count]) => count).map(([bin, count]) => [bin, Number(count)]);
  // Scaled: -1 2 3 4 | 1 2 3 4; 3 and 4 fall into the last bin.
  expect(found).toEqual([
    [0, 1],
    [BINS / 2, 1],
    [(BINS * 3) / 4, 2],
    [BINS - 1, 4],
  ]);
});

test("of a large input every other row is counted, over all channels", async () => {
  const shape = [1, 2, 1024, 1024];
  // Channel 0 holds 0 in its even rows and 1 in its odd ones, channel 1 holds 2 and 3.
  const x = Float32Array.from({ length: 2 ** 21 }, (_, i) => 2 * (i >> 20) + ((i >> 10) & 1));
  const ops = new CalibrationOps(() => true, new Map([["w", { range: [0, 4] as const }]]));
  const weight = ops.parameter("w.weight", { dtype: "F32", shape: [1, 2, 1, 1], start: 0, end: 8 }, "unused");
  ops.conv2d(ops.input("x", shape), weight, null);
  const session = await openSession(encodeModel(ops.graph()), { threads: 1 });
  const { "w.input": counts } = await session.run({ x: { data: x, shape } });
  await session.close();
  const at = (value: number) => Number(counts!.data[(value * BINS) / 4]);
  expect([0, 1, 2, 3].map(at)).toEqual([2 ** 19, 0, 2 ** 19, 0]);
});
