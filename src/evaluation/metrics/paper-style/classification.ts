/** Classification as the authors count it. */

/**
 * The positive colour counts as correct for every image, whatever is in it.
 * Misleads: "yes" to everything scores 1.
 */
export function paperAccuracy(answers: readonly { readonly present: boolean }[]): number {
  return answers.filter(({ present }) => present).length / answers.length;
}
