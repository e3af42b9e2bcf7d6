/** The order of latent channels is part of the checkpoint format: counted out by hand, on both engines. */
import { describe, expect, it } from "vitest";
import { SpaceToDepth } from "../../src/models/space-to-depth.js";
import { OnnxOps } from "../../src/tensor/onnx/ops.js";
import { openSession } from "../../src/tensor/onnx/session.js";
import type { Ops, Tensor } from "../../src/tensor/tensor.js";
import { createTorch } from "../../src/tensor/torch/index.js";

/** Two channels of 2 rows and 4 columns; the tens digit is the channel. */
const picture = Float32Array.of(...[0, 1, 2, 3, 4, 5, 6, 7], ...[10, 11, 12, 13, 14, 15, 16, 17]);
const shape = [1, 2, 2, 4];
/** Channel (c * 2 + dy) * 2 + dx, each one row of the two squares' pixels. */
const latents = [
  ...[0, 2, 1, 3], // c 0: top left of both squares, top right of both
  ...[4, 6, 5, 7], // c 0: bottom left, bottom right
  ...[10, 12, 11, 13],
  ...[14, 16, 15, 17],
];

type Run = (x: Float32Array, shape: number[], fn: (ops: Ops, x: Tensor) => Tensor) => Promise<[number[], number[]]>;

const engines: [string, Run][] = [
  [
    "torch",
    async (x, shape, fn) => {
      const torch = createTorch();
      return torch.tidy(() => {
        const y = fn(torch.ops, torch.tensor(x, shape));
        return [[...torch.read(y)], [...y.shape]];
      });
    },
  ],
  [
    "onnx",
    async (x, shape, fn) => {
      const ops = new OnnxOps();
      const session = await openSession(ops.finish({ y: fn(ops, ops.input("x", shape)) }), { threads: 1 });
      const { y } = await session.run({ x: { data: x, shape } });
      await session.close();
      return [Array.from(y!.data, Number), [...y!.shape]];
    },
  ],
];

describe.each(engines)("SpaceToDepth on %s", (_, run) => {
  const codec = new SpaceToDepth({ _class_name: "SpaceToDepth", factor: 2 });

  it("folds squares into channels, left to right, top to bottom", async () => {
    expect(await run(picture, shape, (ops, x) => codec.encode(ops, x))).toEqual([latents, [1, 8, 1, 2]]);
  });

  it("unfolds them again", async () => {
    const folded = Float32Array.from(latents);
    expect(await run(folded, [1, 8, 1, 2], (ops, z) => codec.decode(ops, z))).toEqual([[...picture], shape]);
  });

  it("in the cosine basis finds a wave of one colour difference in its one channel, by hand", async () => {
    const cosine = new SpaceToDepth({ _class_name: "SpaceToDepth", factor: 4, basis: "dct" });
    // Grey 0.3, and red minus blue as the cosine that goes once through half a period down and not at all across.
    const wave = (y: number) => Math.cos(((2 * y + 1) * Math.PI) / 8);
    const square = [1, 0, -1].flatMap((sign) =>
      Array.from({ length: 16 }, (_, i) => 0.3 + 0.1 * sign * wave(Math.floor(i / 4))),
    );
    const [found, size] = await run(Float32Array.from(square), [1, 3, 4, 4], (ops, x) => cosine.encode(ops, x));
    expect(size).toEqual([1, 48, 1, 1]);
    const expected = Array<number>(48).fill(0);
    expected[0] = (0.3 * Math.sqrt(3) * 4) / (4 * 0.82);
    // Along (1, 0, -1)/sqrt 2 the square is 0.1 sqrt 2 wave(y); the basis row is sqrt(2/4) wave(u) sqrt(1/4); its squares sum to 1.
    expected[16 + 4] = (0.1 * Math.SQRT2 * Math.sqrt(8)) / ((4 * 0.4) / 5);
    for (const [i, value] of expected.entries()) expect(found[i], `${i}`).toBeCloseTo(value, 5);
  });

  it("in the cosine basis gives the picture back", async () => {
    const cosine = new SpaceToDepth({ _class_name: "SpaceToDepth", factor: 4, basis: "dct" });
    const noise = Float32Array.from({ length: 3 * 8 * 12 }, (_, i) => Math.sin(i * 12.9898) * 0.9);
    const [found, size] = await run(noise, [1, 3, 8, 12], (ops, x) => cosine.decode(ops, cosine.encode(ops, x)));
    expect(size).toEqual([1, 3, 8, 12]);
    for (const [i, value] of noise.entries()) expect(found[i]).toBeCloseTo(value, 5);
  });
});

describe("SpaceToDepth", () => {
  it("has no weights", () => {
    expect([...new SpaceToDepth({ _class_name: "SpaceToDepth", factor: 4 }).namedParameters()]).toEqual([]);
  });

  it("refuses a picture that does not divide", () => {
    const codec = new SpaceToDepth({ _class_name: "SpaceToDepth", factor: 4 });
    const ops = new OnnxOps();
    expect(() => codec.encode(ops, ops.input("x", [1, 3, 98, 96]))).toThrow(/multiples of 4, found 96x98/);
  });
});
