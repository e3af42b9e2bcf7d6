/** Puts a graph's weights where a browser can get at them: inside the .onnx file, or, when they are many, into data files beside it. */
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { type FloatType, fromFloat32, toFloat32 } from "../../checkpoints/float16.js";
import { writeAtomic, writeStaged } from "../../files.js";
import { encodeModel, type OnnxGraph, type OnnxNode, type OnnxTensor } from "../../tensor/onnx/proto.js";
import type { Network } from "../networks.js";

/** How float weights are stored; the network computes in float32 whatever it is. `stored`: as in the checkpoint. */
export type WeightPrecision = "stored" | "float32" | "float16";

export interface WeightLimits {
  /** Weights up to this many bytes lie inside the graph's file. protobuf ends at 2 GB, and encoding holds them in memory twice. */
  readonly inside: number;
  /** Bytes of a data file, at most, unless a single weight is larger: browsers hold each in one buffer. */
  readonly dataFile: number;
}

const MEBIBYTE = 2 ** 20;
export const weightLimits: WeightLimits = { inside: 512 * MEBIBYTE, dataFile: 1024 * MEBIBYTE };

export interface WrittenNetwork {
  /** Name of the graph's file, and of the data files it refers to. */
  readonly file: string;
  readonly data: readonly string[];
  readonly bytes: number;
}

const floats = { float32: "F32", float16: "F16", bfloat16: "BF16" } as const;
const width = { float32: 4, float16: 2, bfloat16: 2 } as const;

/** A weight as it is to be written, read when its turn comes. */
interface Weight {
  readonly tensor: OnnxTensor;
  readonly bytes: number;
  read(): Promise<Uint8Array>;
}

/**
 * Writes `<folder>/<name>.onnx` and, where there are more weights than `limits.inside`, `<name>.onnx.data`, `<name>.onnx.data.1`, ...
 * Rejects with the signal's reason between two weights.
 */
export async function writeNetwork(
  folder: string,
  name: string,
  { graph, weightsFolder }: Network,
  precision: WeightPrecision,
  limits: WeightLimits = weightLimits,
  signal?: AbortSignal,
): Promise<WrittenNetwork> {
  const file = `${name}.onnx`;
  const sources = new Map<string, FileHandle>();
  const read = async (location: string, offset: number, length: number): Promise<Uint8Array> => {
    signal?.throwIfAborted();
    let source = sources.get(location);
    if (!source) {
      source = await open(join(weightsFolder!, location), "r");
      sources.set(location, source);
    }
    const bytes = new Uint8Array(length);
    await source.read(bytes, 0, length, offset);
    return bytes;
  };
  try {
    const { weights, casts, rest } = choose(graph, precision, read);
    const total = weights.reduce((sum, { bytes }) => sum + bytes, 0);
    const data = total <= limits.inside ? [] : dataFiles(file, weights, limits.dataFile);
    const initializers = [...rest];
    for (const { tensor, read } of data.length === 0 ? weights : [])
      initializers.push({ ...tensor, data: await read() });
    for (const { file: location, weights } of data) {
      await writeStaged(join(folder, location), async (target) => {
        let offset = 0;
        for (const { tensor, bytes, read } of weights) {
          await target.writeFile(await read());
          initializers.push({ ...tensor, data: { location, offset, length: bytes } });
          offset += bytes;
        }
      });
    }
    const model = encodeModel({ ...graph, nodes: [...casts, ...graph.nodes], initializers });
    await writeAtomic(join(folder, file), model);
    return { file, data: data.map((one) => one.file), bytes: model.length + (data.length > 0 ? total : 0) };
  } finally {
    for (const source of sources.values()) await source.close();
  }
}

/** Which initializers are weights in a file, in which form, and what widens those that are narrower than the graph takes them. */
function choose(
  graph: OnnxGraph,
  precision: WeightPrecision,
  read: (location: string, offset: number, length: number) => Promise<Uint8Array>,
) {
  const weights: Weight[] = [];
  const casts: OnnxNode[] = [];
  const rest: OnnxTensor[] = [];
  for (const tensor of graph.initializers) {
    const { data, name, shape, type } = tensor;
    if (data instanceof Uint8Array) {
      rest.push(tensor);
      continue;
    }
    const { location, offset, length } = data;
    const stored = () => read(location, offset, length);
    const isFloat = type === "float32" || type === "float16" || type === "bfloat16";
    if (!isFloat || precision === "stored" || precision === type) {
      weights.push({ tensor, bytes: length, read: stored });
      continue;
    }
    const converted = async () => fromFloat32(toFloat32(await stored(), floats[type]), floats[precision] as FloatType);
    const bytes = (length / width[type]) * width[precision];
    // A half-precision weight is cast already, which does nothing to a float32 one; of a float32 weight the graph takes its own name.
    const narrowed = type === "float32";
    weights.push({
      tensor: { ...tensor, name: narrowed ? `${name}.float16` : name, type: precision },
      bytes,
      read: converted,
    });
    if (narrowed)
      casts.push({
        name: `${name}.cast`,
        op: "Cast",
        inputs: [`${name}.float16`],
        output: { name, type: "float32", shape },
        attributes: { to: { int: 1 } },
      });
  }
  return { weights, casts, rest };
}

function dataFiles(file: string, weights: readonly Weight[], limit: number) {
  const files: { file: string; weights: Weight[] }[] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const weight of weights) {
    if (bytes + weight.bytes > limit) {
      files.push({ file: files.length === 0 ? `${file}.data` : `${file}.data.${files.length}`, weights: [] });
      bytes = 0;
    }
    files.at(-1)!.weights.push(weight);
    bytes += weight.bytes;
  }
  return files;
}
