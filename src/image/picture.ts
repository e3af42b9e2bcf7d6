/** The raster both photos and answers are made of outside models. */

/** RGB, row-major HWC, 8 bit. `data.length === width * height * 3`. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * What a model draws, before rounding: RGB, row-major HWC, floats nominally in [0, 1] (values outside are possible and
 * tell the admissibility score something). A decoder reads this, not the 8-bit picture.
 */
export interface FloatPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Pixels of a picture, top-left origin, half-open: [x1, y1, x2, y2). */
export type Xyxy = readonly [number, number, number, number];
