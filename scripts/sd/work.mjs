/** How much arithmetic a picture takes, counted from the graphs that run. */
import { readCheckpoint } from "../../dist/checkpoints/folder.js";
import { decoderNetwork, denoiser, encoderNetwork, textNetwork, unetNetwork } from "../../dist/inference/networks.js";
import { ClipTokenizer } from "../../dist/models/tokenizer.js";
import { multiplyAdds } from "../../dist/tensor/onnx/memory.js";

/**
 * Floating-point operations (two for each multiply-add of convolutions, linear layers and matrix products) of the text encoder, the
 * autoencoder, one evaluation of the UNet under one condition as diffusers does it, and the part of it that is left here when keys
 * and values of the sentence and projections of the timestep are remembered.
 */
export async function work(dir, side) {
  const folder = await readCheckpoint(dir);
  const { maxLength } = await ClipTokenizer.fromFiles(`${folder.dir}/tokenizer`);
  const picture = { width: side, height: side };
  const latents = { width: side / 8, height: side / 8 };
  const count = ({ graph }) => 2 * multiplyAdds(graph);
  return {
    text: count(textNetwork(folder, maxLength)),
    encode: count(encoderNetwork(folder, picture)),
    evaluation: count(unetNetwork(folder, latents, maxLength, 1)),
    evaluationWithoutText: count(denoiser(folder, latents, maxLength, 1).main),
    decode: count(decoderNetwork(folder, latents)),
  };
}
