/** Dense label maps (one label a pixel) to masks by category. */

const IGNORE = 255;

/**
 * What the label of a pixel means: the category, `null` for a thing that has no category (the pixel is known to be none of them), or
 * `undefined` for a pixel that nobody labelled.
 */
export type LabelMeaning = (label: number) => string | null | undefined;

/** The labels in a map, ascending. */
export function labelsIn(labels: Uint8Array | Uint16Array): number[] {
  // Not a Set of the pixels, which is ten times slower.
  const seen = new Uint8Array(2 ** (8 * labels.BYTES_PER_ELEMENT));
  for (let i = 0; i < labels.length; i++) seen[labels[i]!] = 1;
  const found: number[] = [];
  for (let label = 0; label < seen.length; label++) if (seen[label] === 1) found.push(label);
  return found;
}

/** Masks of the categories that a label map shows: 1 = category, 0 = other, 255 = unlabelled. Labels of one category join. */
export function masksOfLabels(labels: Uint8Array | Uint16Array, meaning: LabelMeaning): Map<string, Uint8Array> {
  const masks = new Map<string, Uint8Array>();
  const maskOf: (Uint8Array | undefined)[] = [];
  const shown = labelsIn(labels);
  const empty = new Uint8Array(labels.length);
  for (const unlabelled of shown.filter((label) => meaning(label) === undefined))
    for (let i = 0; i < labels.length; i++) if (labels[i] === unlabelled) empty[i] = IGNORE;
  for (const label of shown) {
    const category = meaning(label);
    if (!category) continue;
    const mask = masks.get(category) ?? empty.slice();
    masks.set(category, mask);
    maskOf[label] = mask;
  }
  for (let i = 0; i < labels.length; i++) {
    const mask = maskOf[labels[i]!];
    if (mask) mask[i] = 1;
  }
  return masks;
}
