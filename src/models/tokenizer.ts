/** CLIP's tokenizer: a sentence to token ids of a fixed length, identical to transformers' CLIPTokenizer. */
import { InstructCvError } from "../errors.js";
import { endToken, joinPair, splitWords, startToken, wordSymbols } from "./clip-text-split.js";
import { type ClipTokenizerOptions, readTokenizerFiles } from "./tokenizer-files.js";

/** The longest text accepted, in UTF-16 units; far above what fits a text encoder. */
export const longestText = 10_000;

/** Words already encoded are remembered up to this number. */
const rememberedWords = 20_000;

/**
 * @example
 * const tokenizer = await ClipTokenizer.fromFiles("models/nano/tokenizer");
 * tokenizer.encode("Segment the dog"); // [start, ..., end, pad, pad, ...], tokenizer.maxLength ids
 */
export class ClipTokenizer {
  readonly maxLength: number;
  readonly vocabSize: number;
  readonly startId: number;
  readonly endId: number;
  readonly padId: number;
  readonly #vocab: Map<string, number>;
  readonly #ranks: Map<string, number>;
  readonly #known = new Map<string, readonly number[]>();

  /** @throws InstructCvError("checkpoint") when the vocabulary lacks a marker. */
  constructor({ vocab, merges, maxLength = 77, padToken = endToken }: ClipTokenizerOptions) {
    this.#vocab = new Map(Object.entries(vocab));
    this.#ranks = new Map(merges.map((pair, rank) => [pair.join(" "), rank]));
    this.maxLength = maxLength;
    this.vocabSize = this.#vocab.size;
    this.startId = this.#marker(startToken);
    this.endId = this.#marker(endToken);
    this.padId = this.#marker(padToken);
  }

  /**
   * From a `tokenizer/` folder: vocab.json and merges.txt (or tokenizer.json), and tokenizer_config.json if there.
   * @throws InstructCvError("checkpoint") naming the file that is missing or malformed.
   */
  static async fromFiles(folder: string): Promise<ClipTokenizer> {
    return new ClipTokenizer(await readTokenizerFiles(folder));
  }

  /**
   * start, the text's tokens (as many as fit), end, padding: `maxLength` ids.
   * @throws InstructCvError("instruction") for more than 10,000 characters.
   */
  encode(text: string): number[] {
    const ids = [this.startId, ...this.tokenIds(text).slice(0, this.maxLength - 2), this.endId];
    while (ids.length < this.maxLength) ids.push(this.padId);
    return ids;
  }

  /** The text's tokens alone, all of them; `<|startoftext|>` and `<|endoftext|>` written in it are the markers. */
  tokenIds(text: string): number[] {
    if (text.length > longestText) {
      throw new InstructCvError(
        "instruction",
        `The instruction has ${text.length} characters, at most ${longestText} are accepted.`,
        "Say it in a sentence.",
      );
    }
    return text.split(/(<\|startoftext\|>|<\|endoftext\|>)/).flatMap((part) => {
      if (part === startToken) return [this.startId];
      if (part === endToken) return [this.endId];
      return splitWords(part).flatMap((word) => this.#encodeWord(word));
    });
  }

  #encodeWord(word: string): readonly number[] {
    const known = this.#known.get(word);
    if (known) return known;
    let symbols = wordSymbols(word);
    for (let pair = this.#firstPair(symbols); pair; pair = this.#firstPair(symbols)) symbols = joinPair(symbols, pair);
    const ids = symbols.map((symbol) => this.#vocab.get(symbol) ?? this.endId);
    if (this.#known.size >= rememberedWords) this.#known.clear();
    this.#known.set(word, ids);
    return ids;
  }

  /** The neighbours to join next. */
  #firstPair(symbols: readonly string[]): [string, string] | undefined {
    let first: [string, string] | undefined;
    let lowest = Number.POSITIVE_INFINITY;
    for (let i = 1; i < symbols.length; i++) {
      const rank = this.#ranks.get(`${symbols[i - 1]} ${symbols[i]}`) ?? Number.POSITIVE_INFINITY;
      if (rank < lowest) {
        lowest = rank;
        first = [symbols[i - 1]!, symbols[i]!];
      }
    }
    return first;
  }

  #marker(token: string): number {
    const id = this.#vocab.get(token);
    if (id === undefined)
      throw new InstructCvError("checkpoint", `vocab.json has no token ${token}.`, "Is it a CLIP vocabulary?");
    return id;
  }
}
