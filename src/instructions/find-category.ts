/** Finds what a sentence is about: a known name, or else the words that are no everyday words. */
import { canonicalCategory, LONGEST_NAME } from "./categories.js";
import { articles, everydayWords } from "./words.js";

export interface FoundCategory {
  readonly name: string;
  /** Words [start, end) of the sentence. */
  readonly start: number;
  readonly end: number;
  readonly known: boolean;
}

/**
 * The first known name; of names that follow each other directly the last, since the last noun is the head ("car window"). Without a
 * known name the first run of words that are no everyday words, preferably after an article.
 */
export function findCategory(words: readonly string[]): FoundCategory | undefined {
  const known = knownNames(words);
  if (known.length > 0) {
    let last = 0;
    while (known[last + 1]?.start === known[last]!.end) last++;
    return known[last];
  }
  const runs: FoundCategory[] = [];
  for (let start = 0; start < words.length; start++) {
    let end = start;
    while (end < words.length && isContent(words[end]!)) end++;
    if (end > start) runs.push({ name: words.slice(start, end).join(" "), start, end, known: false });
    start = end;
  }
  return runs.find(({ start }) => articles.has(words[start - 1] ?? "")) ?? runs[0];
}

/** All known names in a sentence, longest first at each place, in order. */
export function knownNames(words: readonly string[]): FoundCategory[] {
  const found: FoundCategory[] = [];
  for (let start = 0; start < words.length; ) {
    let end = start;
    for (let length = Math.min(LONGEST_NAME, words.length - start); length > 0 && end === start; length--) {
      const name = canonicalCategory(words.slice(start, start + length).join(" "));
      if (!name || isColourWord(words, start, length)) continue;
      end = start + length;
      found.push({ name, start, end, known: true });
    }
    start = Math.max(end, start + 1);
  }
  return found;
}

function isContent(word: string): boolean {
  return word !== "," && !everydayWords.has(word) && !/ly$/.test(word);
}

/** "show orange if": the one known name that is a colour too, where no article precedes it but a painting verb does. */
function isColourWord(words: readonly string[], start: number, length: number): boolean {
  return (
    length === 1 &&
    words[start] === "orange" &&
    /^(?:show|paint|it|turn|fill|in|with|answer|use|return|output|display)$/.test(words[start - 1] ?? "")
  );
}
