/** How strongly each pixel of a drawn picture is part of an outline, and sums of that over any rectangle. */
import type { FloatPicture, Picture, Size, Xyxy } from "../../image/picture.js";

/** Outline colour, rgb 0..255. */
export const OUTLINE = [0, 0, 255] as const;
/** Outline width at the model's picture size, pixels. */
export const THICKNESS = 4;

/**
 * Width of the outline of a box of these sides, at least one pixel: 4 pixels, but at most a third of the shorter side; or `share` (0 to
 * 0.5) of the shorter side.
 */
export function thicknessOf(width: number, height: number, share: number | null = null): number {
  const shorter = Math.min(width, height);
  return Math.max(1, share === null ? Math.min(THICKNESS, Math.floor(shorter / 3)) : Math.round(share * shorter));
}

/** Calls `visit` with the index of each pixel of a box's outline in a frame `frameWidth` pixels wide. The box: whole pixels inside it. */
export function forOutline(
  [x1, y1, x2, y2]: Xyxy,
  share: number | null,
  frameWidth: number,
  visit: (pixel: number) => void,
): void {
  const t = thicknessOf(x2 - x1, y2 - y1, share);
  for (let y = y1; y < y2; y++)
    for (let x = x1; x < x2; x++) if (x < x1 + t || x >= x2 - t || y < y1 + t || y >= y2 - t) visit(y * frameWidth + x);
}

/** Squared distance to blue (in [0,1] colours) below which a photo pixel says little about an outline on it. */
const NEARLY_BLUE = 0.1;

/**
 * Per pixel `alpha = <drawn - photo, blue - photo> / |blue - photo|^2`, kept in [-0.25, 1]: 1 on an outline, 0 on plain photo; for the
 * conditional mean of a one-step sampler it is P(outline). Small negative values stay, so that noise averages out to zero.
 * Where the photo itself is nearly blue the denominator is kept at NEARLY_BLUE, which lowers alpha rather than raising noise.
 * @returns row-major, one value a pixel.
 */
export function outlineStrength(drawn: FloatPicture, photo: Picture): Float32Array {
  const alpha = new Float32Array(photo.width * photo.height);
  for (let p = 0, i = 0; p < alpha.length; p++, i += 3) {
    let along = 0;
    let length = 0;
    for (let c = 0; c < 3; c++) {
      const pixel = photo.data[i + c]! / 255;
      const step = OUTLINE[c]! / 255 - pixel;
      along += (drawn.data[i + c]! - pixel) * step;
      length += step * step;
    }
    const share = along / Math.max(length, NEARLY_BLUE);
    alpha[p] = share > -0.25 ? Math.min(share, 1) : share <= -0.25 ? -0.25 : 0;
  }
  return alpha;
}

/** Sums over rectangles in constant time. */
export interface RectangleSums extends Size {
  /** Mean over the pixels [x1, x2) x [y1, y2) inside the frame, 0 when none is. */
  mean(x1: number, y1: number, x2: number, y2: number): number;
}

export function rectangleSums(values: Float32Array, { width, height }: Size): RectangleSums {
  const stride = width + 1;
  const table = new Float64Array(stride * (height + 1));
  for (let y = 0; y < height; y++) {
    let row = 0;
    for (let x = 0; x < width; x++) {
      row += values[y * width + x]!;
      table[(y + 1) * stride + x + 1] = table[y * stride + x + 1]! + row;
    }
  }
  return {
    width,
    height,
    mean(x1, y1, x2, y2) {
      if (x1 < 0) x1 = 0;
      if (y1 < 0) y1 = 0;
      if (x2 > width) x2 = width;
      if (y2 > height) y2 = height;
      if (x2 <= x1 || y2 <= y1) return 0;
      const sum =
        table[y2 * stride + x2]! - table[y1 * stride + x2]! - table[y2 * stride + x1]! + table[y1 * stride + x1]!;
      return sum / ((x2 - x1) * (y2 - y1));
    },
  };
}
