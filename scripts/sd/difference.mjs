/** How far two answers of a parity script are apart. */

/** [1, 3, H, W] in -1..1 to RGB in 0..1, row by row. */
export function pixels(planes) {
  const area = planes.length / 3;
  return Float32Array.from(planes, (_, i) => (planes[(i % 3) * area + Math.floor(i / 3)] + 1) / 2);
}

/** NaN, which no bound admits, when the lengths differ. */
export function largestDifference(found, expected) {
  if (found.length !== expected.length) return Number.NaN;
  return found.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
}
