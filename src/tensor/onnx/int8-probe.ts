/** Whether this processor multiplies bytes exactly. */
import { OnnxOps } from "./ops.js";
import { encodeModel } from "./proto.js";
import { openSession } from "./session.js";

class ProbeOps extends OnnxOps {
  product(rows: number, inner: number, columns: number) {
    const x = this.input("x", [rows, inner]);
    const one = this.constant(Float32Array.of(1), []);
    const zero = this.constant(Uint8Array.of(0), []);
    const bytes = this.node("QuantizeLinear", [x, one, zero], x.shape, {}, "bytes", "float32", { type: "uint8" });
    // 127 everywhere: a float weight made int8 in the graph.
    const weight = this.expand(this.constant(Float32Array.of(127), [1]), [inner, columns]);
    const int8 = this.node("Cast", [weight], weight.shape, { to: { int: 3 } }, "weight", "float32", { type: "int8" });
    const domain = "com.microsoft";
    const inputs = [bytes, int8, one, one, zero];
    return this.node("MatMulIntegerToFloat", inputs, [rows, columns], {}, "sums", "float32", { domain });
  }
}

/**
 * True where sums of two products are cut off at 2^15: x86 processors with AVX2 or AVX-512 but without VNNI
 * (onnxruntime.ai/docs/performance/model-optimizations/quantization.html, "U8S8"). There weights must stay within -64..64.
 */
export async function saturates(): Promise<boolean> {
  const [rows, inner, columns] = [16, 64, 32];
  const ops = new ProbeOps();
  const model = encodeModel(ops.graph({ y: ops.product(rows, inner, columns) }));
  const session = await openSession(model, { threads: 1 });
  const x = { data: new Float32Array(rows * inner).fill(255), shape: [rows, inner] };
  const { y } = await session.run({ x });
  await session.close();
  return (y!.data as Float32Array).some((sum) => sum !== 255 * 127 * inner);
}
