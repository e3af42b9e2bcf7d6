/** Half-precision and bfloat16 bytes to float32 and back, rounding to nearest even as IEEE 754 does. */

export type FloatType = "F32" | "F16" | "BF16";

/** Little-endian stored bytes to float32; exact. */
export function toFloat32(bytes: Uint8Array, dtype: FloatType): Float32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  if (dtype === "F32") return new Float32Array(aligned.buffer, aligned.byteOffset, bytes.length / 4);
  const halves = new Uint16Array(aligned.buffer, aligned.byteOffset, bytes.length / 2);
  const bits = new Uint32Array(halves.length);
  if (dtype === "BF16") for (let i = 0; i < bits.length; i++) bits[i] = halves[i]! << 16;
  else for (let i = 0; i < bits.length; i++) bits[i] = halfToFloatBits(halves[i]!);
  return new Float32Array(bits.buffer);
}

/** Float32 to little-endian stored bytes. */
export function fromFloat32(values: Float32Array, dtype: FloatType): Uint8Array {
  if (dtype === "F32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const convert = dtype === "BF16" ? floatToBrainBits : floatToHalfBits;
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) halves[i] = convert(bits[i]!);
  return new Uint8Array(halves.buffer);
}

function halfToFloatBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // A subnormal half is a normal float: shift its leading one out.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

function floatToHalfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200 | (fraction >> 13));
  const half = exponent - 112;
  if (half >= 0x1f) return sign | 0x7c00;
  // A carry out of the fraction raises the exponent, up to infinity: that is what rounding means here.
  if (half > 0) return sign | roundShift((half << 23) | fraction, 13);
  if (half < -10) return sign;
  return sign | roundShift(fraction | 0x800000, 14 - half);
}

function floatToBrainBits(bits: number): number {
  const notANumber = (bits & 0x7fffffff) > 0x7f800000;
  return notANumber ? (bits >>> 16) | 0x40 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** value / 2^shift, to nearest, ties to even. */
function roundShift(value: number, shift: number): number {
  const kept = value >>> shift;
  const rest = value - kept * 2 ** shift;
  const tie = 2 ** (shift - 1);
  return rest > tie || (rest === tie && kept % 2 === 1) ? kept + 1 : kept;
}
