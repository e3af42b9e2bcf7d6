/** Overlapping tiles of one size: what is too large to be encoded or decoded at once is done piece by piece and blended. */
import type { Size } from "../image/picture.js";

/** Where tiles of `tile` start along `length`: the first at 0, the last ending at `length`, neighbours overlapping by at least `overlap`. */
export function tileStarts(length: number, tile: number, overlap: number): number[] {
  if (length <= tile) return [0];
  const count = Math.ceil((length - overlap) / (tile - overlap));
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - tile)) / (count - 1)));
}

export interface Tiling {
  /** Of a tile, input positions; at most that of the whole. */
  readonly tile: Size;
  /** Least overlap of neighbours, input positions. */
  readonly overlap: number;
  /** Output positions per input position, such as 8 (decoder) or 1/8 (encoder). */
  readonly scale: number;
}

/**
 * Runs `process` on every tile of x_CHW and blends: across an overlap the weight of a tile falls linearly to its edge. Channels may
 * change. `process` gets [C, tile.height, tile.width] and gives [K, tile.height * scale, tile.width * scale].
 */
export async function processTiles(
  x: Float32Array,
  size: Size,
  { tile, overlap, scale }: Tiling,
  process: (tile: Float32Array) => Promise<Float32Array>,
): Promise<Float32Array> {
  if (tile.width === size.width && tile.height === size.height) return process(x);
  const channels = x.length / (size.width * size.height);
  const out = { width: size.width * scale, height: size.height * scale };
  const outTile = { width: tile.width * scale, height: tile.height * scale };
  const fade = Math.max(1, overlap * scale);
  let sum = new Float32Array(0);
  const weights = new Float32Array(out.width * out.height);
  for (const top of tileStarts(size.height, tile.height, overlap))
    for (const left of tileStarts(size.width, tile.width, overlap)) {
      const drawn = await process(cut(x, channels, size, { left, top, ...tile }));
      const depth = drawn.length / (outTile.width * outTile.height);
      if (sum.length === 0) sum = new Float32Array(depth * out.width * out.height);
      const [x0, y0] = [left * scale, top * scale];
      for (let row = 0; row < outTile.height; row++) {
        const down = ramp(row, outTile.height, fade, y0 > 0, y0 + outTile.height < out.height);
        for (let column = 0; column < outTile.width; column++) {
          const weight = down * ramp(column, outTile.width, fade, x0 > 0, x0 + outTile.width < out.width);
          const at = (y0 + row) * out.width + x0 + column;
          weights[at]! += weight;
          for (let c = 0; c < depth; c++)
            sum[c * weights.length + at]! += weight * drawn[(c * outTile.height + row) * outTile.width + column]!;
        }
      }
    }
  return sum.map((value, i) => value / weights[i % weights.length]!);
}

/** 1 inside a tile, falling over `fade` positions towards an edge that has a neighbour. */
function ramp(i: number, length: number, fade: number, before: boolean, after: boolean): number {
  const start = before ? (i + 0.5) / fade : 1;
  const end = after ? (length - i - 0.5) / fade : 1;
  return Math.min(1, start, end);
}

function cut(
  x: Float32Array,
  channels: number,
  size: Size,
  { left, top, width, height }: Size & { left: number; top: number },
): Float32Array {
  const out = new Float32Array(channels * width * height);
  for (let c = 0, o = 0; c < channels; c++)
    for (let row = 0; row < height; row++, o += width) {
      const from = (c * size.height + top + row) * size.width + left;
      out.set(x.subarray(from, from + width), o);
    }
  return out;
}
