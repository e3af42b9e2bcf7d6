/** The weights of the model that a run starts from, by our parameters' names. */
import type { CheckpointFolder } from "../checkpoints/folder.js";
import { InstructCvError } from "../errors.js";
import type { Parameter } from "../models/module.js";
import { diskNames } from "../models/weight-names.js";
import { widenConvIn } from "./models.js";

/** The parts of a training state that a checkpoint has too. */
export type StartPart = "unet" | "text_encoder" | "vae";

/**
 * Reads one part, in whatever spelling and precision it is stored; `conv_in` of a text-to-image model is widened. Throws
 * InstructCvError("checkpoint") for a tensor that is missing or has not the recipe's shape.
 */
export function startWeights(start: CheckpointFolder, part: StartPart) {
  const weights = { unet: start.unet, text_encoder: start.textEncoder, vae: start.vae }[part].weights;
  return (name: string, parameter: Parameter): Float32Array => {
    const onDisk = diskNames(name).find((one) => weights?.entries.has(one));
    if (!weights || onDisk === undefined) {
      throw new InstructCvError("checkpoint", `${start.dir}: ${part} has no tensor ${name}.`, "Match model.* to it.");
    }
    const { shape } = weights.entries.get(onDisk)!;
    if (`${shape}` === `${parameter.shape}`) return weights.read(onDisk);
    if (part === "unet" && name === "conv_in.weight" && isNarrow(start, parameter))
      return widenConvIn(weights.read(onDisk), shape, parameter.shape);
    throw new InstructCvError(
      "checkpoint",
      `${weights.path}: ${onDisk} has shape [${shape}], the recipe expects [${parameter.shape}].`,
      "Match model.* to the checkpoint.",
    );
  };
}

/** Whether the UNet has no input channels for the photo yet: that of a text-to-image model. */
export function isNarrow({ unet }: CheckpointFolder, convIn: Parameter): boolean {
  const [outputs, inputs, ...kernel] = unet.weights.entries.get("conv_in.weight")?.shape ?? [];
  const [O, I, ...K] = convIn.shape;
  return outputs === O && inputs !== undefined && inputs < I! && `${kernel}` === `${K}`;
}
