/** The denoiser in one piece: to measure what goes into its layers, and to compare it with another. */
import type { OnnxOps } from "../../tensor/onnx/ops.js";
import { encodeModel } from "../../tensor/onnx/proto.js";
import { openSession, type Session } from "../../tensor/onnx/session.js";
import type { Evaluation } from "../conditioned-network.js";
import { type NetworkSource, unetNetwork } from "../networks.js";

/** A session that takes evaluations of this shape; `ops` may give something else than predictions. */
export function openDenoiser(
  source: NetworkSource,
  { noisy, image, states }: Evaluation,
  threads: number,
  ops?: OnnxOps,
): Promise<Session> {
  const [, , height, width] = noisy.shape as [number, number, number, number];
  const { graph, weightsFolder } = unetNetwork(source, { width, height }, states.shape[1]!, image.shape[0]!, ops);
  return openSession(encodeModel(graph), { threads, arena: false, ...(weightsFolder && { weightsFolder }) });
}
