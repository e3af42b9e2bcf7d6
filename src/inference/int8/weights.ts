/** Float weights to bytes: each output has a scale of its own, and none a zero point. */

export interface QuantisedWeight {
  /** [inputs, outputs]; for a convolution [kernel * kernel * inputs, outputs]. As the float weight's where `asIs`. */
  readonly shape: readonly number[];
  readonly bytes: Int8Array;
  /** [outputs] */
  readonly scales: Float32Array;
}

/**
 * `weight` [O, I] or [O, I, K, K] to integers between -limit and limit. A limit of 64 keeps the sum of two products, 2 * 255 * 64,
 * below 2^15: processors without VNNI instructions add pairs in 16 bits. With `channels` [I] it is multiplied by them first, in place.
 * `asIs` keeps the order.
 */
export function quantiseWeight(
  weight: Float32Array,
  shape: readonly number[],
  limit: number,
  channels?: Float32Array,
  asIs = false,
): QuantisedWeight {
  const [outputs, inputs, ...kernel] = shape as [number, number, ...number[]];
  const taps = kernel.reduce((n, k) => n * k, 1);
  const fan = inputs * taps;
  const bytes = new Int8Array(outputs * fan);
  const scales = new Float32Array(outputs);
  for (let o = 0; o < outputs; o++) {
    const row = weight.subarray(o * fan, (o + 1) * fan);
    if (channels) for (let i = 0; i < fan; i++) row[i]! *= channels[Math.floor(i / taps)]!;
    let largest = 0;
    for (let i = 0; i < fan; i++) largest = Math.max(largest, Math.abs(row[i]!));
    // A row of zeros has any scale.
    const scale = Math.fround(largest / limit) || 1;
    scales[o] = scale;
    for (let i = 0; i < inputs; i++)
      for (let tap = 0; tap < taps; tap++)
        bytes[asIs ? o * fan + i * taps + tap : (tap * inputs + i) * outputs + o] = Math.round(
          row[i * taps + tap]! / scale,
        );
  }
  return { shape: asIs ? shape : [fan, outputs], bytes, scales };
}
