/** Runs an emitted graph in ONNX Runtime on the CPU. */
import "./no-telemetry.js";
import ort from "onnxruntime-node";
import { InstructCvError } from "../../errors.js";

export interface SessionOptions {
  /** Absolute folder that the graph's external weights are relative to. */
  readonly weightsFolder?: string;
  /** Threads inside an operation; 0 leaves it to ONNX Runtime (one for each physical core). @default 0 */
  readonly threads?: number;
  /** `extended` keeps weights file-mapped; `all` copies convolution weights into a blocked layout. @default "extended" */
  readonly optimisation?: "disabled" | "basic" | "extended" | "all";
  /** Copies weights into the kernels' own layout: faster, and that much more memory. @default false */
  readonly prepack?: boolean;
  /**
   * Keeps memory from one run to the next, which small networks are faster with. A large one is not (Stable Diffusion's UNet: 9.5 s
   * against 9.4 s for nine runs), and holds most of a gigabyte. @default true
   */
  readonly arena?: boolean;
}

export interface ArrayTensor {
  readonly data: Float32Array | BigInt64Array;
  readonly shape: readonly number[];
}

export interface Session {
  /** Values by the names given when the graph was built. */
  run(inputs: Readonly<Record<string, ArrayTensor>>): Promise<Record<string, ArrayTensor>>;
  close(): Promise<void>;
}

/** Throws InstructCvError("engine") when ONNX Runtime refuses the graph or its weights. */
export async function openSession(model: Uint8Array, options: SessionOptions = {}): Promise<Session> {
  const { weightsFolder, threads = 0, optimisation = "extended", prepack = false, arena = true } = options;
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ["cpu"],
    graphOptimizationLevel: optimisation,
    intraOpNumThreads: threads,
    enableCpuMemArena: arena,
    logSeverityLevel: 3,
    extra: {
      session: {
        disable_prepacking: prepack ? "0" : "1",
        // Threads that spin while they wait steal each other's cores on a busy machine: 36 against 93 ms a run there.
        "intra_op.allow_spinning": "0",
        ...(weightsFolder && { model_external_initializers_file_folder_path: weightsFolder }),
      },
    },
  }).catch((error: Error) => {
    throw new InstructCvError("engine", `ONNX Runtime refused the graph: ${error.message.split("\n")[0]}`);
  });
  return {
    async run(inputs) {
      const feeds = Object.entries(inputs).map(([name, { data, shape }]) => {
        const type = data instanceof Float32Array ? "float32" : "int64";
        return [name, new ort.Tensor(type, data as never, shape)] as const;
      });
      const results = await session.run(Object.fromEntries(feeds));
      return Object.fromEntries(
        Object.entries(results).map(([name, t]) => [name, { data: t.data as Float32Array, shape: t.dims }]),
      );
    },
    close: () => session.release(),
  };
}
