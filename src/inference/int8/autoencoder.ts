/** Calibrates the two halves of a checkpoint's autoencoder: on photos, and on the latents of photos and of drawings. */
import type { Picture } from "../../image/picture.js";
import type { LayerScaling } from "../../tensor/onnx/calibration-ops.js";
import { encodeModel } from "../../tensor/onnx/proto.js";
import { openSession } from "../../tensor/onnx/session.js";
import type { LoadedModel } from "../model.js";
import { decoderNetwork, encoderNetwork, latentSpace, type Network } from "../networks.js";
import { toPlanes } from "../planes.js";
import { type CalibrationOptions, calibrate, type Inputs } from "./calibrate.js";
import { isQuantisedAutoencoder } from "./layers.js";

/** Of photos and of drawings, at the most: every pixel counts, so that few do. */
export const AUTOENCODER_SAMPLES = 8;

/**
 * How each quantised layer is scaled. `photos` are of one size, and `drawings` the scaled latents that drawings of that size end in. Each
 * photo is evaluated four times (encoder and decoder, two passes each), each drawing twice. The checkpoint has a KL autoencoder.
 */
export async function calibrateAutoencoder(
  { folder, latents }: LoadedModel,
  photos: readonly Picture[],
  drawings: readonly Float32Array[],
  options: CalibrationOptions & { readonly threads: number },
): Promise<Map<string, LayerScaling>> {
  const size = { width: photos[0]!.width, height: photos[0]!.height };
  const { channels, scale } = latentSpace(folder.vae.config);
  const small = latents.sizeFor(size);
  const ofPhotos: Float32Array[] = [];
  for (const photo of photos) ofPhotos.push((await latents.encode(photo)).map((value) => value * scale));

  const open = ({ graph, weightsFolder }: Network) =>
    openSession(encodeModel(graph), {
      ...{ threads: options.threads, arena: false },
      ...(weightsFolder && { weightsFolder }),
    });
  const part = { weights: folder.vae.weights!, isQuantised: isQuantisedAutoencoder, outputs: true };
  const pictures = photos.map(
    (photo): Inputs => ({ picture: { data: toPlanes(photo), shape: [1, 3, size.height, size.width] } }),
  );
  const encoder = await calibrate(
    { ...part, open: (ops) => open(encoderNetwork(folder, size, ops)) },
    pictures,
    options,
  );
  const shape = [1, channels, small.height, small.width];
  const decoder = await calibrate(
    { ...part, open: (ops) => open(decoderNetwork(folder, small, ops)) },
    [...ofPhotos, ...drawings].map((data): Inputs => ({ latents: { data, shape } })),
    options,
  );
  return new Map([...encoder, ...decoder]);
}
