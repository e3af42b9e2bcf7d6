/**
 * Keeps ONNX Runtime from sending telemetry: since 1.29 its builds do so by default, and leave an identifier and logs on the disk
 * (github.com/microsoft/onnxruntime/pull/27379). Import this before anything that loads it, in the main thread too: the environment of
 * a worker thread is a copy that native code does not see. `ORT_DISABLE_TELEMETRY=0` in the environment is left as it is.
 */
process.env.ORT_DISABLE_TELEMETRY ??= "1";
