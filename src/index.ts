/**
 * The public API, at three levels: ask a photo a sentence (`perceive`, `load`); use a task's codec between labels and
 * pictures (`tasks`, `parseInstruction`); run the diffusion samplers on a network of your own (`samplers`, `makeSchedule`).
 */
export { type Condition, type ConditionedModel, type GuidanceScales, guided } from "./diffusion/guidance.js";
export type { DenoiseModel, Sampler, SamplerOptions, SamplerStep } from "./diffusion/samplers/sampler.js";
export { makeSchedule, type Schedule, type SchedulerConfig, timesteps } from "./diffusion/schedule.js";
export { type ErrorCode, InstructCvError } from "./errors.js";
export { encodePng, readPicture, resizePicture } from "./image/io.js";
export type { FloatPicture, Picture, Size, Xyxy } from "./image/picture.js";
export * from "./inference/index.js";
export { parseInstruction, restate } from "./instructions/index.js";
export { createRng, type Rng } from "./random.js";
export { type DrawingStyle, getTask, taskNames, tasks } from "./tasks/registry.js";
export { decodeRle, encodeRle } from "./tasks/rle.js";
export type * from "./tasks/task.js";
