/** Writes an ONNX ModelProto as protobuf bytes; the field numbers are those of github.com/onnx/onnx/blob/main/onnx/onnx.proto. */

export const elementType = { float32: 1, uint8: 2, int8: 3, int64: 7, float16: 10, bfloat16: 16 } as const;
export type ElementType = keyof typeof elementType;

export interface OnnxTensor {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Raw little-endian bytes, or where they lie in a file below the weights folder. */
  readonly data: Uint8Array | { readonly location: string; readonly offset: number; readonly length: number };
}
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly string: string };
export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  /** The operator set it belongs to; the standard one unless given. */
  readonly domain?: "com.microsoft";
  readonly inputs: readonly string[];
  /** Every operation here has one; its shape is for analysis, ONNX Runtime infers it again. */
  readonly output: OnnxValueInfo;
  readonly attributes: Readonly<Record<string, Attribute>>;
}
export interface OnnxValueInfo {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
}
export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
}

/** The model's bytes, for this version of the standard operator set. IR version 10 is the one that goes with opset 21. */
export function encodeModel(graph: OnnxGraph, opset = 21): Uint8Array {
  const domains = new Set(graph.nodes.flatMap(({ domain }) => domain ?? []));
  return message(
    int(1, 10),
    text(2, "instructcv"),
    bytes(7, encodeGraph(graph)),
    bytes(8, message(int(2, opset))),
    ...Array.from(domains, (domain) => bytes(8, message(text(1, domain), int(2, 1)))),
  );
}

function encodeGraph(graph: OnnxGraph): Uint8Array {
  return message(
    ...graph.nodes.map((node) => bytes(1, encodeNode(node))),
    text(2, "instructcv"),
    ...graph.initializers.map((tensor) => bytes(5, encodeTensor(tensor))),
    ...graph.inputs.map((value) => bytes(11, encodeValueInfo(value))),
    ...graph.outputs.map((value) => bytes(12, encodeValueInfo(value))),
  );
}

function encodeNode(node: OnnxNode): Uint8Array {
  return message(
    ...node.inputs.map((name) => text(1, name)),
    text(2, node.output.name),
    text(3, node.name),
    text(4, node.op),
    ...Object.entries(node.attributes).map(([name, value]) => bytes(5, encodeAttribute(name, value))),
    ...(node.domain ? [text(7, node.domain)] : []),
  );
}

function encodeAttribute(name: string, value: Attribute): Uint8Array {
  const type = (n: number) => int(20, n);
  if ("float" in value) return message(text(1, name), float(2, value.float), type(1));
  if ("int" in value) return message(text(1, name), int(3, value.int), type(2));
  if ("string" in value) return message(text(1, name), text(4, value.string), type(3));
  return message(text(1, name), ...value.ints.map((n) => int(8, n)), type(7));
}

function encodeTensor({ name, type, shape, data }: OnnxTensor): Uint8Array {
  const head = [...shape.map((n) => int(1, n)), int(2, elementType[type]), text(8, name)];
  if (data instanceof Uint8Array) return message(...head, bytes(9, data));
  const external = Object.entries(data).map(([key, value]) => bytes(13, message(text(1, key), text(2, `${value}`))));
  return message(...head, ...external, int(14, 1));
}

function encodeValueInfo({ name, type, shape }: OnnxValueInfo): Uint8Array {
  const dims = message(...shape.map((n) => bytes(1, message(int(1, n)))));
  return message(text(1, name), bytes(2, message(bytes(1, message(int(1, elementType[type]), bytes(2, dims))))));
}

// Protobuf's wire format (protobuf.dev/programming-guides/encoding): each field is a tag, then a varint, four bytes, or
// a length and that many bytes.

function message(...fields: Uint8Array[]): Uint8Array {
  return Buffer.concat(fields);
}

function varint(value: bigint): number[] {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  return [...out, Number(rest)];
}

const tag = (field: number, wireType: number) => varint(BigInt((field << 3) | wireType));

function int(field: number, value: number): Uint8Array {
  return Uint8Array.from([...tag(field, 0), ...varint(BigInt(value))]);
}

function float(field: number, value: number): Uint8Array {
  const out = Buffer.alloc(4);
  out.writeFloatLE(value);
  return Buffer.concat([Uint8Array.from(tag(field, 5)), out]);
}

function bytes(field: number, value: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.from([...tag(field, 2), ...varint(BigInt(value.length))]), value]);
}

function text(field: number, value: string): Uint8Array {
  return bytes(field, Buffer.from(value));
}
