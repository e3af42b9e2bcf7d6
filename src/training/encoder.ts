/** What making batches needs of a tokenizer. */
export interface Encoder {
  encode(text: string): readonly number[];
}
