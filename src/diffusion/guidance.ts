/** Dual classifier-free guidance over the image and the text (InstructPix2Pix, Brooks et al. 2023, arXiv 2211.09800, equation 3). */
import type { DenoiseModel } from "./samplers/sampler.js";

/** What an evaluation is conditioned on: e(0,0), e(I,0) or e(I,T). */
export type Condition = "none" | "image" | "both";

/** 1 and 1 mean no guidance; the paper's checkpoints use text 7.5, image 1.5. */
export interface GuidanceScales {
  readonly text: number;
  readonly image: number;
}

/** Evaluates the network under several conditions, best as one batch; outputs in the order asked for. */
export type ConditionedModel = (
  noisy: Float32Array,
  timestep: number,
  conditions: readonly Condition[],
) => readonly Float32Array[] | Promise<readonly Float32Array[]>;

/**
 * e = e(0,0) + s_I (e(I,0) - e(0,0)) + s_T (e(I,T) - e(I,0)) as weights of the three evaluations; those of weight 0 are
 * left out, so that scales of 1 and 1 cost one evaluation instead of three.
 */
export function guidanceWeights({ text, image }: GuidanceScales): { condition: Condition; weight: number }[] {
  const weights: { condition: Condition; weight: number }[] = [
    { condition: "none", weight: 1 - image },
    { condition: "image", weight: image - text },
    { condition: "both", weight: text },
  ];
  return weights.filter(({ weight }) => weight !== 0);
}

/** A plain denoiser out of a conditioned one. */
export function guided(model: ConditionedModel, scales: GuidanceScales): DenoiseModel {
  const terms = guidanceWeights(scales);
  const conditions = terms.map(({ condition }) => condition);
  return async (noisy, timestep) => {
    const outputs = await model(noisy, timestep, conditions);
    if (terms.length === 1 && terms[0]!.weight === 1) return outputs[0]!;
    return Float32Array.from(noisy, (_, i) => terms.reduce((sum, { weight }, k) => sum + weight * outputs[k]![i]!, 0));
  };
}
