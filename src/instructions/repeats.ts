/** Finds lines that say again what another line says, word for word or but for what changes no wording. */

/** From the same characters to the same request asked more politely. */
export type Likeness = "same" | "alike" | "polite";

export interface Repeat {
  readonly likeness: Likeness;
  /** Where the earlier line was said to be. */
  readonly where: string;
}

export class KnownLines {
  private readonly lines: Readonly<Record<Likeness, Map<string, string>>> = {
    same: new Map(),
    alike: new Map(),
    polite: new Map(),
  };

  /** @param where what a problem calls the place of the line: "the template" */
  add(line: string, where: string): void {
    for (const likeness of likenesses) {
      const key = keys[likeness](line);
      if (!this.lines[likeness].has(key)) this.lines[likeness].set(key, where);
    }
  }

  /** The closest earlier line that `line` repeats. */
  find(line: string): Repeat | undefined {
    for (const likeness of likenesses) {
      const where = this.lines[likeness].get(keys[likeness](line));
      if (where !== undefined) return { likeness, where };
    }
    return undefined;
  }
}

/** How a command is put as a request. */
const REQUEST =
  /\b(?:(?:can|could|will|would|may) (?:you(?: be (?:able|willing) to)?|i ask you to)|(?:would you|do you) mind|(?:is it|would it be) (?:possible|feasible)(?: for you)? to|(?:are you|would you be) (?:able|willing|so kind as) to|i (?:would|d) (?:like|love)(?: you)? to|i (?:need|want)(?: you)? to|(?:help|let) me|for me|possibly|if you can)\b/g;

const likenesses: readonly Likeness[] = ["same", "alike", "polite"];

const keys: Readonly<Record<Likeness, (line: string) => string>> = {
  same: (line) => line,
  alike: plain,
  polite: (line) => plain(plain(line).replace(REQUEST, " ")),
};

/** Lower case, one name for all forms of the category, no articles, punctuation or "please". */
function plain(line: string): string {
  return line
    .toLowerCase()
    .replace(/\{(?:a )?categor(?:y|ies)\}/g, "{category}")
    .replace(/'/g, "")
    .replace(/[^a-z{}]/g, " ")
    .replace(/\b(?:the|a|an|please|kindly|thanks|thank you)\b/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}
