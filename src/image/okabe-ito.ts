/** Colours that are told apart also with the common kinds of colour blindness (Okabe and Ito 2008). */
import type { Rgb } from "./draw.js";

export const OKABE_ITO: readonly Rgb[] = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [213, 94, 0],
  [204, 121, 167],
];
