/**
 * The symbolic engine over quantised weights: the inputs of a quantised layer become bytes and are multiplied as integers. Two
 * kernels: MatMulIntegerToFloat gives the sums back as float32 and stays fast over weights mapped from a file; a convolution is a
 * matrix product over its taps. QLinearConv gives bytes and needs its weights copied, but never lays the taps out in memory: where
 * pictures are large and weights small (the autoencoder at 256x256 pixels and 256 channels: 720 against 430 GOP/s, 200 in float32).
 */
import type { SafetensorsFile } from "../../checkpoints/safetensors.js";
import { InstructCvError } from "../../errors.js";
import { conv2dShape, linearShape } from "../shapes.js";
import type { Conv2dOptions, Tensor } from "../tensor.js";
import { layerOf, OnnxOps, Value } from "./ops.js";

/**
 * What a file of quantised weights holds for each quantised layer, besides `<layer>.bias` as it was: `weight` I8
 * [inputs, outputs], for a convolution [kernel * kernel * inputs, outputs] with the taps row by row; `weight_scale` F32
 * [outputs]; `input_range` F32 [2], the lowest and the highest input, between which it is quantised to 0..255. A convolution may
 * have `input_channels` F32 [inputs], by which its inputs are divided before that (its weights are multiplied by them). One with
 * `output_ranges` F32 [2, outputs], between which each output channel is quantised, has its weight in the float one's shape.
 */
export class Int8Ops extends OnnxOps {
  readonly #bytes = new Map<string, Tensor>();

  /** `location`: the file's name relative to the session's weights folder. */
  constructor(
    private readonly file: SafetensorsFile,
    private readonly location: string,
  ) {
    super();
  }

  /** The weight of this name for a parameter of this shape (torch's), quantised or not. Throws InstructCvError("checkpoint"). */
  weight(name: string, shape: readonly number[]): Tensor {
    const layer = name.replace(/\.weight$/, "");
    const quantised = layer !== name && this.file.entries.has(`${layer}.input_range`);
    const [outputs, inputs, ...kernel] = shape as [number, number, ...number[]];
    const flat = quantised && !this.#hasOutputs(layer);
    const stored = flat ? [kernel.reduce((n, k) => n * k, inputs), outputs] : shape;
    const weight = this.#stored(name, quantised ? "I8" : "F32", stored);
    return quantised ? new Value(name, shape, "float32", "int8") : weight;
  }

  override conv2d(x: Tensor, weight: Tensor, bias: Tensor | null, options: Conv2dOptions = {}): Tensor {
    if (!isQuantised(weight)) return super.conv2d(x, weight, bias, options);
    const { stride = 1, padding = 0 } = options;
    const [b, outputs, h, w] = conv2dShape(x.shape, weight.shape, stride, padding) as [number, number, number, number];
    if (this.#hasOutputs(layerOf(weight))) return this.#convolve(x, weight, bias, options);
    const { bytes, scale, zero } = this.#quantised(x, layerOf(weight));
    const taps = this.#taps(bytes, zero, weight.shape.slice(2), [h, w], stride, padding);
    const sums = this.#multiply(
      this.#move("Reshape", [taps, this.#shape([b * h * w, -1])], [b * h * w, taps.shape[3]!]),
      {
        weight,
        bias,
        scale,
        zero,
      },
    );
    return this.permute(this.reshape(sums, [b, h, w, outputs]), [0, 3, 1, 2]);
  }

  /**
   * A convolution from bytes to bytes. Its kernel has one scale and zero point for all outputs: those of each channel go into the
   * scales of the weights and, where they shift the sums, into the bias; the bytes are read by channel afterwards.
   */
  #convolve(x: Tensor, weight: Tensor, bias: Tensor | null, { stride = 1, padding = 0 }: Conv2dOptions): Tensor {
    const layer = layerOf(weight);
    const [b, outputs, h, w] = conv2dShape(x.shape, weight.shape, stride, padding) as [number, number, number, number];
    const { bytes, scale, zero, step } = this.#quantised(x, layer);
    this.#stored(`${layer}.weight_scale`, "F32", [outputs]);
    this.#stored(`${layer}.output_ranges`, "F32", [2, outputs]);
    const weights = this.file.read(`${layer}.weight_scale`);
    const ranges = this.file.read(`${layer}.output_ranges`);
    const biases = bias ? this.file.read(`${layer}.bias`) : new Float32Array(outputs);
    const made = Array.from(weights, (_, o) => quantisation(ranges[o]!, ranges[outputs + o]!));
    const shifts = biases.map((value, o) => {
      const { scale: own, zero: centre } = made[o]!;
      return Math.round((value + (centre - MIDDLE) * own) / (step * weights[o]!));
    });
    const one = this.constant(Float32Array.of(1), []);
    const middle = this.constant(Uint8Array.of(MIDDLE), []);
    const inputs = [
      ...[this.#move("Transpose", [bytes], nhwc(x.shape), { perm: { ints: [0, 2, 3, 1] } }), scale, zero],
      ...[
        weight,
        this.constant(
          Float32Array.from(weights, (value, o) => value / made[o]!.scale),
          [outputs],
        ),
      ],
      ...[this.#integers(new Float32Array(outputs), "int8"), one, middle, this.#integers(shifts, "int32")],
    ];
    const attributes = {
      kernel_shape: { ints: weight.shape.slice(2) },
      strides: { ints: [stride, stride] },
      pads: { ints: [padding, padding, padding, padding] },
      channels_last: { int: 1 },
    };
    const sums = this.node("QLinearConv", inputs, [b, h, w, outputs], attributes, layer, "float32", {
      domain: "com.microsoft",
      type: "uint8",
    });
    const y = this.#move("Transpose", [sums], [b, outputs, h, w], { perm: { ints: [0, 3, 1, 2] } });
    const scales = this.constant(
      Float32Array.from(made, ({ scale: own }) => own),
      [outputs],
    );
    const zeros = this.constant(
      Uint8Array.from(made, ({ zero: centre }) => centre),
      [outputs],
    );
    return this.node("DequantizeLinear", [y, scales, zeros], y.shape, { axis: { int: 1 } }, `${layer}.output`);
  }

  /** A vector of whole numbers, folded when a session opens. */
  #integers(values: Float32Array, type: "int8" | "int32"): Tensor {
    const to = { int8: 3, int32: 6 }[type];
    return this.node("Cast", [this.constant(values, [values.length])], [values.length], { to: { int: to } }, type);
  }

  override linear(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
    if (!isQuantised(weight)) return super.linear(x, weight, bias);
    const shape = linearShape(x.shape, weight.shape);
    const { bytes, scale, zero } = this.#quantised(x, layerOf(weight));
    const inputs = weight.shape[1]!;
    const rows = [x.shape.reduce((n, k) => n * k, 1) / inputs, inputs];
    const flat = this.#move("Reshape", [bytes, this.#shape(rows)], rows);
    return this.reshape(this.#multiply(flat, { weight, bias, scale, zero }), shape);
  }

  /** x as bytes; layers that read the same x in the same way (queries, keys, values) share them. */
  #quantised(x: Tensor, layer: string) {
    this.#stored(`${layer}.input_range`, "F32", [2]);
    const [lowest, highest] = this.file.read(`${layer}.input_range`);
    const { scale, zero } = quantisation(lowest!, highest!);
    const inputs = { scale: this.constant(Float32Array.of(scale), []), zero: this.constant(Uint8Array.of(zero), []) };
    const key = `${(x as Value).name} ${this.#hasChannels(layer) ? layer : `${scale} ${zero}`}`;
    let bytes = this.#bytes.get(key);
    if (!bytes) {
      const even = this.#hasChannels(layer) ? this.mul(x, this.#reciprocals(layer, x.shape[1]!)) : x;
      bytes = this.#move("QuantizeLinear", [even, inputs.scale, inputs.zero], x.shape, {}, `${layer}.input`);
      this.#bytes.set(key, bytes);
    }
    return { bytes, ...inputs, step: scale };
  }

  #hasOutputs(layer: string): boolean {
    return this.file.entries.has(`${layer}.output_ranges`);
  }

  #hasChannels(layer: string): boolean {
    return this.file.entries.has(`${layer}.input_channels`);
  }

  /**
   * [1, C, 1, 1]. A product of its own: a scale for each channel in QuantizeLinear would do, but ONNX Runtime moves the
   * transposition of the result before it, and then quantises value by value, 8% of a denoiser's time.
   */
  #reciprocals(layer: string, channels: number): Tensor {
    this.#stored(`${layer}.input_channels`, "F32", [channels]);
    const factors = this.file.read(`${layer}.input_channels`);
    return this.constant(
      factors.map((factor) => 1 / factor),
      [1, channels, 1, 1],
    );
  }

  /** bytes_BIHW to [B, H', W', kernel * kernel * I]: what each output position sees, row by row. */
  #taps(
    bytes: Tensor,
    zero: Tensor,
    [rows, columns]: readonly number[],
    [h, w]: readonly [number, number],
    stride: number,
    padding: number,
  ): Tensor {
    let x = this.#move(
      "Transpose",
      [bytes],
      [0, 2, 3, 1].map((d) => bytes.shape[d]!),
      { perm: { ints: [0, 2, 3, 1] } },
    );
    const [b, height, width, c] = x.shape as [number, number, number, number];
    if (padding > 0) {
      const pads = this.#shape([0, padding, padding, 0, 0, padding, padding, 0]);
      x = this.#move("Pad", [x, pads, zero], [b, height + 2 * padding, width + 2 * padding, c]);
    }
    if (rows === 1 && columns === 1 && stride === 1) return x;
    const steps = this.#shape([stride, stride]);
    const axes = this.#shape([1, 2]);
    const taps = Array.from({ length: rows! * columns! }, (_, i) => {
      const [top, left] = [Math.floor(i / columns!), i % columns!];
      const end = this.#shape([top + (h - 1) * stride + 1, left + (w - 1) * stride + 1]);
      return this.#move("Slice", [x, this.#shape([top, left]), end, axes, steps], [b, h, w, c]);
    });
    return this.#move("Concat", taps, [b, h, w, taps.length * c], { axis: { int: 3 } });
  }

  /** bytes_MK times the weight [K, O] to float32 [M, O]: scales and bias are applied to the integer sums. */
  #multiply(
    bytes: Tensor,
    { weight, bias, scale, zero }: { weight: Tensor; bias: Tensor | null; scale: Tensor; zero: Tensor },
  ): Tensor {
    const layer = layerOf(weight);
    const outputs = weight.shape[0]!;
    const scales = this.#stored(`${layer}.weight_scale`, "F32", [outputs]);
    const inputs = [bytes, weight, scale, scales, zero, null, bias];
    const domain = "com.microsoft";
    return this.node("MatMulIntegerToFloat", inputs, [bytes.shape[0]!, outputs], {}, layer, "float32", { domain });
  }

  #stored(name: string, dtype: "F32" | "I8", shape: readonly number[]): Tensor {
    const entry = this.file.entries.get(name);
    if (entry?.dtype !== dtype || entry.shape.length !== shape.length || entry.shape.some((n, i) => n !== shape[i])) {
      const found = entry ? `${entry.dtype} [${entry.shape}]` : "nothing";
      const problem = `expected ${name} as ${dtype} [${shape}], found ${found}.`;
      throw new InstructCvError("checkpoint", `${this.file.path}: ${problem}`, "Run `instructcv quantize` again.");
    }
    return this.parameter(name, entry, this.location);
  }

  /** A node that makes or moves bytes. */
  #move(...[op, inputs, shape, attributes, label]: Parameters<OnnxOps["node"]>): Tensor {
    return this.node(op, inputs, shape, attributes, label, "float32", { type: "uint8" });
  }

  #shape(values: readonly number[]): Tensor {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length]);
  }
}

/**
 * The scale and zero point that spread lowest..highest over 0..255: value = scale * (byte - zero). The range is widened to
 * hold 0, which is represented exactly: padding stays nothing.
 */
export function quantisation(lowest: number, highest: number): { scale: number; zero: number } {
  const low = Math.min(lowest, 0);
  const scale = Math.fround((Math.max(highest, 0) - low) / 255) || 1;
  return { scale, zero: Math.round((0 - low) / scale) };
}

/** Zero point of a convolution's bytes before those of its channels. */
const MIDDLE = 128;

const nhwc = ([b, c, h, w]: readonly number[]) => [b!, h!, w!, c!];
const isQuantised = (weight: Tensor) => weight instanceof Value && weight.type === "int8";
