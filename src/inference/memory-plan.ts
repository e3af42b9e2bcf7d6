/** How much memory a model will take, worked out from its graphs before any weight is loaded. */
import { dirname } from "node:path";
import { resolveModel } from "../checkpoints/hub/resolve.js";
import type { Size } from "../image/picture.js";
import { ClipTokenizer } from "../models/tokenizer.js";
import { multiplyAdds, peakBytes, weightBytes } from "../tensor/onnx/memory.js";
import { staysMapped } from "./conditioned-network.js";
import { defaultModel } from "./default-model.js";
import { frameOf } from "./framing.js";
import { tileFor } from "./latents.js";
import { latentSpace, type Network, networksFor } from "./networks.js";
import type { LoadOptions } from "./perceiver.js";
import { openSource } from "./source.js";

export interface MemoryPlan {
  /** Size of the drawing, pixels. */
  readonly drawing: Size;
  /** Bytes of weights that stay in their files: read through the page cache, given back when others need the memory. */
  readonly mapped: number;
  /** Bytes of weights copied into memory: small networks, the autoencoder, half-precision files widened to float32, merged adapters. */
  readonly copied: number;
  /** Bytes of intermediate values at the most demanding moment. */
  readonly activations: number;
  /**
   * What the process shares with nobody: the program, copied weights (twice those that ONNX Runtime lays out anew while it still holds them),
   * activations. Within a tenth of what was measured for Stable Diffusion 1.5's size, float32 at 256 and 512 pixels and half precision.
   */
  readonly anonymous: number;
  /** Multiply-adds of one evaluation of the denoiser, and of encoding and decoding the picture. */
  readonly work: Readonly<Record<"denoiser" | "encoder" | "decoder", number>>;
}

/** Node, this package and ONNX Runtime without any model, and what a session over mapped weights takes besides them: measured. */
const PROGRAM = 100 * 2 ** 20;
const MAPPED_SESSION = 100 * 2 ** 20;

/**
 * For a photo of this size (default: one with the aspect of a square). Opens headers only. Throws as `load` does; a model on the hub is
 * fetched.
 */
export async function planMemory(
  model: string = defaultModel,
  options: LoadOptions & { readonly resolution?: number; readonly photo?: Size } = {},
): Promise<MemoryPlan> {
  const { resolution, photo, threads, onDownload, ...rest } = options;
  const folder = await openSource(await resolveModel(model, { ...rest, onProgress: onDownload }), rest);
  const { maxLength } = await ClipTokenizer.fromFiles(dirname(folder.tokenizer.vocabPath));
  const side = resolution ?? folder.defaults.resolution;
  const { size: drawing } = frameOf(
    photo ?? { width: 1, height: 1 },
    side,
    folder.defaults.fit,
    latentSpace(folder.vae.config).factor,
  );
  const tile = tileFor(folder, drawing);
  const { text, denoiser } = networksFor(folder, drawing, maxLength);
  const { encoder, decoder } = networksFor(folder, tile, maxLength);
  let mapped = 0;
  let copied = 0;
  let laidOut = 0;
  const count = ({ graph }: Network, copies: boolean) => {
    const { stored, folded } = weightBytes(graph);
    if (!copies) mapped += stored;
    copied += folded + (copies ? stored : 0);
    if (copies) laidOut += stored;
  };
  const unet = [denoiser.main, denoiser.text, denoiser.time].filter((network) => network !== null);
  const large = staysMapped(folder, denoiser.main);
  for (const network of unet) count(network, !large);
  count(text, false);
  for (const network of [encoder, decoder]) count(network, true);
  const activations = Math.max(...[text, ...unet, encoder, decoder].map(({ graph }) => peakBytes(graph)));
  return {
    drawing,
    mapped,
    copied,
    activations,
    anonymous: PROGRAM + (large ? MAPPED_SESSION : 0) + copied + laidOut + activations,
    work: {
      denoiser: multiplyAdds(denoiser.main.graph),
      encoder: multiplyAdds(encoder.graph),
      decoder: multiplyAdds(decoder.graph),
    },
  };
}
