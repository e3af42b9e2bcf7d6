/** The symbolic engine that also measures what goes into layers: statistics small enough to be outputs of the graph. */
import type { Conv2dOptions, Tensor } from "../tensor.js";
import { layerOf, OnnxOps } from "./ops.js";
import type { OnnxGraph } from "./proto.js";

/** Lowest and highest value. */
export type Range = readonly [lowest: number, highest: number];

/** How a layer's inputs become bytes: divided by a factor for each channel (where there are any), then quantised between two values. */
export interface InputScaling {
  readonly range: Range;
  /** [C], of convolutions. */
  readonly channels?: Float32Array;
}

/** How a layer is computed with bytes: its inputs, and its outputs where these become bytes as well. */
export interface LayerScaling extends InputScaling {
  /** [2, O]: lowest and highest of each output channel. */
  readonly outputs?: Float32Array;
}

/** Bins of a histogram. */
export const BINS = 2048;

/** Values of an input that are counted: all of them take a minute for each picture an autoencoder draws. */
const MOST_COUNTED = 2 ** 20;

/**
 * Its graph gives, in place of the outputs asked for, one statistic for each measured layer, `<layer>.input`. Without `scalings`
 * the lowest and the highest of its inputs [2, C], for each channel of a convolution, of all (C = 1) for a linear layer. With
 * them [BINS], how many of its scaled inputs fall into each of BINS equal parts of its range (what lies outside counts for the
 * part at that end; of large inputs every 2nd, 4th, ... row counts). With `measuresOutputs` also `<layer>.output`, the lowest and the highest output [2, O] of a convolution's channels.
 */
export class CalibrationOps extends OnnxOps {
  readonly #statistics: Record<string, Tensor> = {};

  constructor(
    private readonly isMeasured: (layer: string) => boolean,
    private readonly scalings?: ReadonlyMap<string, InputScaling>,
    private readonly measuresOutputs = false,
  ) {
    super();
  }

  override graph(): OnnxGraph {
    return super.graph(this.#statistics);
  }

  override conv2d(x: Tensor, weight: Tensor, bias: Tensor | null, options?: Conv2dOptions): Tensor {
    this.#measure(x, layerOf(weight), [0, 2, 3]);
    const y = super.conv2d(x, weight, bias, options);
    const layer = layerOf(weight);
    if (this.measuresOutputs && this.isMeasured(layer))
      this.#statistics[`${layer}.output`] = this.#extremes(y, [0, 2, 3]);
    return y;
  }

  override linear(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
    this.#measure(this.reshape(x, [-1]), layerOf(weight), [0]);
    return super.linear(x, weight, bias);
  }

  #measure(x: Tensor, layer: string, dims: readonly number[]): void {
    if (!this.isMeasured(layer)) return;
    const scaling = this.scalings?.get(layer);
    this.#statistics[`${layer}.input`] = scaling ? this.#histogram(x, scaling) : this.#extremes(x, dims);
  }

  #extremes(x: Tensor, dims: readonly number[]): Tensor {
    const axes = this.constant(BigInt64Array.from(dims, BigInt), [dims.length]);
    const channels = x.shape.filter((_, d) => !dims.includes(d));
    const extreme = (op: string) => this.reshape(this.node(op, [x, axes], channels, { keepdims: { int: 0 } }), [1, -1]);
    return this.concat([extreme("ReduceMin"), extreme("ReduceMax")], 0);
  }

  /** x_BCHW with as many of its rows, evenly spread, as hold at most MOST_COUNTED values; a vector as it is. */
  #someRows(x: Tensor): Tensor {
    const size = x.shape.reduce((n, k) => n * k, 1);
    const [rows = 1, columns = 1] = x.shape.slice(-2);
    let every = 1;
    while (x.shape.length > 1 && size / every > MOST_COUNTED && rows % (2 * every) === 0) every *= 2;
    if (every === 1) return x;
    const grouped = this.reshape(x, [...x.shape.slice(0, -2), rows / every, every * columns]);
    return this.slice(grouped, -1, 0, columns);
  }

  #histogram(x: Tensor, { range: [lowest, highest], channels }: InputScaling): Tensor {
    const scaled = channels ? this.div(x, this.constant(channels, [channels.length, 1, 1])) : x;
    const flat = this.reshape(this.#someRows(scaled), [-1]);
    const places = this.mul(this.sub(flat, lowest), BINS / (highest - lowest));
    const bounds = [this.constant(Float32Array.of(0), []), this.constant(Float32Array.of(BINS - 1), [])];
    // A cast to integers cuts the fraction off.
    const bins = this.cast(this.node("Clip", [places, ...bounds], flat.shape), "int64");
    const ones = this.expand(this.constant(Float32Array.of(1), [1]), flat.shape);
    const empty = this.constant(new Float32Array(BINS), [BINS]);
    return this.node("ScatterElements", [empty, bins, ones], [BINS], { reduction: { string: "add" } });
  }
}
