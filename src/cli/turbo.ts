/** The Turbo colour map: evenly readable from dark blue (0) over green to dark red (1). */
import type { Rgb } from "../image/draw.js";

/**
 * Fifth-order polynomials in `value`, constant term first: the approximation published with the map.
 * @see https://research.google/blog/turbo-an-improved-rainbow-colormap-for-visualization/
 */
const red = [0.13572138, 4.6153926, -42.66032258, 132.13108234, -152.94239396, 59.28637943];
const green = [0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604];
const blue = [0.1066733, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973];

/** `value` in [0, 1]; outside it the end colours. */
export function turbo(value: number): Rgb {
  const x = Math.min(1, Math.max(0, value));
  const channel = (coefficients: readonly number[]) => {
    const y = coefficients.reduceRight((sum, coefficient) => sum * x + coefficient, 0);
    return Math.round(255 * Math.min(1, Math.max(0, y)));
  };
  return [channel(red), channel(green), channel(blue)];
}
