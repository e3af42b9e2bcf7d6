/** Finds what a sentence is about: a known name, or else the words that are no everyday words. */
import { canonicalCategory, LONGEST_NAME } from "./categories.js";
import { singulars } from "./grammar.js";
import { articles, everydayWords } from "./words.js";

export interface FoundCategory {
  readonly name: string;
  /** Words [start, end) of the sentence. */
  readonly start: number;
  readonly end: number;
  readonly known: boolean;
}

/** Names of things that are everyday words of instructions too: they name the thing only where nothing else does. */
const EVERYDAY_NAMES = new Set(["box", "case", "screen"]);

/**
 * The first known name; of names that follow each other directly the last, since the last noun is the head ("car window"). Without a
 * known name the first run of words that are no everyday words, preferably after an article; without such words the last everyday word that
 * may be a name, preferably after an article too ("draw a box around the box").
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
  return runs.find(({ start }) => articles.has(words[start - 1] ?? "")) ?? runs[0] ?? everydayName(words);
}

/** Words after a box that is to be drawn, not found. */
const AROUND = /^(?:around|round|over)$/;

function everydayName(words: readonly string[]): FoundCategory | undefined {
  const found = words.flatMap((word, start): FoundCategory[] => {
    const name = [word, ...singulars(word)].find((one) => EVERYDAY_NAMES.has(one));
    return name && !AROUND.test(words[start + 1] ?? "") ? [{ name, start, end: start + 1, known: true }] : [];
  });
  return found.findLast(({ start }) => start === 0 || articles.has(words[start - 1]!)) ?? found.at(-1);
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
