/** The part of CLIP's tokenizer before any vocabulary: clean text, cut it into words, write bytes as letters. */

export const startToken = "<|startoftext|>";
export const endToken = "<|endoftext|>";
/** Marks a token that ends a word. */
export const wordEnd = "</w>";

/** English contractions, runs of letters, single digits, runs of anything else that is not space. */
const words = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+/gu;

/**
 * Composed (NFC), runs of space made one, lower case; character by character, for a word-final sigma is an ordinary
 * one to the reference implementation.
 */
export function cleanText(text: string): string {
  return Array.from(text.normalize("NFC").replace(/\p{White_Space}+/gu, " "), (c) => c.toLowerCase()).join("");
}

/** The words of a text after `cleanText`. */
export function splitWords(text: string): string[] {
  return cleanText(text).match(words) ?? [];
}

/**
 * GPT-2's table from bytes to printable characters, in the order CLIP numbers them: a byte that prints is itself, the
 * others count up from U+0100.
 */
export const byteLetters: readonly string[] = (() => {
  const printable = [...range(33, 126), ...range(161, 172), ...range(174, 255)];
  const letters = Array<string>(256).fill("");
  for (const byte of printable) letters[byte] = String.fromCharCode(byte);
  let next = 256;
  return letters.map((letter) => letter || String.fromCharCode(next++));
})();

/** The 256 letters in CLIP's vocabulary order: printable bytes first. */
export const alphabet: readonly string[] = [...byteLetters].sort((a, b) => a.charCodeAt(0) - b.charCodeAt(0));

const utf8 = new TextEncoder();

/** A word as its first symbols: one letter for each UTF-8 byte, the last one marked as the word's end. */
export function wordSymbols(word: string): string[] {
  const symbols = Array.from(utf8.encode(word), (byte) => byteLetters[byte]!);
  symbols.push(symbols.pop()! + wordEnd);
  return symbols;
}

/** Every occurrence of the pair made one symbol, from left to right. */
export function joinPair(symbols: readonly string[], [left, right]: readonly [string, string]): string[] {
  const joined: string[] = [];
  for (let i = 0; i < symbols.length; i++) {
    if (symbols[i] === left && symbols[i + 1] === right) {
      joined.push(left + right);
      i++;
    } else joined.push(symbols[i]!);
  }
  return joined;
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
