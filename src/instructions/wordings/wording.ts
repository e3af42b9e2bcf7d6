/** What a wording list is: sentences with slots in braces. */

/**
 * `{category}` is the bare noun, `{a category}` the noun with its article; classification has `{positive}` and `{negative}`,
 * colour names. `train` is drawn from while training; `unseen` never is, so that robustness to wording can be measured.
 */
export interface Wordings {
  /** The fixed prompt of the paper (arXiv 2310.00390). */
  readonly template: string;
  readonly train: readonly string[];
  readonly unseen: readonly string[];
}
