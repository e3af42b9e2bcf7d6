/** The thread that holds the ONNX sessions: one request after the other, abortable between steps. */
import { parentPort, workerData } from "node:worker_threads";
import { toPicture } from "../tasks/codec.js";
import { type DrawOptions, LoadedModel } from "./model.js";
import { perceiveWith } from "./perceive.js";
import { arraysOf, type Reply, type Request, toWire, type WorkerData } from "./protocol.js";

const port = parentPort!;
const { path, options } = workerData as WorkerData;
const reply = (message: Reply, moved: ArrayBuffer[] = []) => port.postMessage(message, moved);

try {
  const model = await LoadedModel.open(path, options);
  serve(model);
  const { name, dir, defaults } = model.folder;
  reply({ kind: "ready", info: { name, dir, defaults } });
} catch (error) {
  reply({ kind: "unusable", error: toWire(error) });
}

function serve(model: LoadedModel): void {
  const controllers = new Map<number, AbortController>();
  let queue = Promise.resolve();
  port.on("message", (request: Request) => {
    if (request.kind === "abort") controllers.get(request.id)?.abort();
    else if (request.kind === "close") {
      queue = queue.then(() => model.close()).then(() => port.close());
    } else {
      const controller = new AbortController();
      controllers.set(request.id, controller);
      queue = queue.then(() => answer(model, request, controller.signal)).finally(() => controllers.delete(request.id));
    }
  });
}

async function answer(model: LoadedModel, request: Request & { kind: "perceive" }, signal: AbortSignal): Promise<void> {
  const { id, source, instruction, options } = request;
  const onStep: DrawOptions["onStep"] = async (step, steps, preview) => {
    const picture = request.preview ? toPicture(await preview()) : undefined;
    reply({ kind: "step", id, step, steps, ...(picture && { preview: picture }) });
  };
  try {
    signal.throwIfAborted();
    const perception = await perceiveWith(model, source, instruction, { ...options, signal, onStep });
    reply({ kind: "done", id, perception }, arraysOf(perception));
  } catch (error) {
    // Whoever aborted has their answer already.
    if (!signal.aborted) reply({ kind: "failed", id, error: toWire(error) });
  }
}
