/** Learns a byte-pair vocabulary in CLIP's format from texts; the same texts give the same vocabulary everywhere. */
import { alphabet, endToken, joinPair, splitWords, startToken, wordEnd, wordSymbols } from "./clip-text-split.js";

export interface BpeVocabulary {
  /** Token to id. CLIP's order: 256 letters, the same with `</w>`, one token a merge, start and end of text. */
  vocab: Record<string, number>;
  /** Pairs to join, most important first. */
  merges: [string, string][];
}

/** The smallest vocabulary: letters, word-final letters, two markers. */
export const smallestVocabulary = 2 * 256 + 2;

interface Word {
  symbols: string[];
  count: number;
}

/** Cannot occur in a symbol: all of them are printable. */
const separator = " ";

/**
 * Byte-pair encoding (https://arxiv.org/abs/1508.07909): join the most frequent pair again and again; of equally
 * frequent ones the first in code-unit order. Pairs seen once are not learnt, so the vocabulary may end up smaller than
 * `vocabSize`, which must be at least `smallestVocabulary`.
 */
export function trainBpe(texts: Iterable<string>, vocabSize: number): BpeVocabulary {
  if (vocabSize < smallestVocabulary) {
    throw new RangeError(`vocabSize must be at least ${smallestVocabulary}, found ${vocabSize}`);
  }
  const words = countWords(texts);
  const pairs = new PairCounts(words);
  const merges: [string, string][] = [];
  while (merges.length < vocabSize - smallestVocabulary) {
    const best = pairs.mostFrequent();
    if (best === undefined) break;
    merges.push(best);
    pairs.join(best);
  }
  // a set, for two different pairs may spell the same token
  const tokens = new Set([...alphabet, ...alphabet.map((letter) => letter + wordEnd)]);
  for (const pair of merges) tokens.add(pair.join(""));
  tokens.add(startToken).add(endToken);
  return { vocab: Object.fromEntries(Array.from(tokens, (token, id) => [token, id])), merges };
}

function countWords(texts: Iterable<string>): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) for (const word of splitWords(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Array.from(counts, ([word, count]) => ({ symbols: wordSymbols(word), count }));
}

/** How often each pair of neighbours occurs, and in which words, kept current while pairs are joined. */
class PairCounts {
  readonly #counts = new Map<string, number>();
  readonly #places = new Map<string, Set<Word>>();

  constructor(words: readonly Word[]) {
    for (const word of words) this.#register(word, 1);
  }

  mostFrequent(): [string, string] | undefined {
    let best: string | undefined;
    let most = 1;
    for (const [pair, count] of this.#counts) {
      if (count > most || (count === most && best !== undefined && pair < best)) {
        best = pair;
        most = count;
      }
    }
    return best?.split(separator) as [string, string] | undefined;
  }

  join(pair: [string, string]): void {
    for (const word of [...(this.#places.get(pair.join(separator)) ?? [])]) {
      this.#register(word, -1);
      word.symbols = joinPair(word.symbols, pair);
      this.#register(word, 1);
    }
  }

  #register(word: Word, sign: 1 | -1): void {
    for (let i = 1; i < word.symbols.length; i++) {
      const pair = word.symbols[i - 1] + separator + word.symbols[i];
      const count = (this.#counts.get(pair) ?? 0) + sign * word.count;
      if (count === 0) this.#counts.delete(pair);
      else this.#counts.set(pair, count);
      const places = this.#places.get(pair) ?? new Set();
      if (sign === 1) this.#places.set(pair, places.add(word));
      else places.delete(word);
    }
  }
}

/**
 * A vocabulary as the files of a diffusers `tokenizer/` folder, by name. `maxLength` is the text encoder's
 * max_position_embeddings.
 */
export function tokenizerFiles({ vocab, merges }: BpeVocabulary, maxLength: number): Record<string, string> {
  const markers = { bos_token: startToken, eos_token: endToken, unk_token: endToken, pad_token: endToken };
  const config = { tokenizer_class: "CLIPTokenizer", model_max_length: maxLength, do_lower_case: true, ...markers };
  return {
    "vocab.json": JSON.stringify(vocab),
    "merges.txt": ["#version: 0.2", ...merges.map((pair) => pair.join(" ")), ""].join("\n"),
    "tokenizer_config.json": `${JSON.stringify(config, null, 2)}\n`,
    "special_tokens_map.json": `${JSON.stringify(markers, null, 2)}\n`,
  };
}
