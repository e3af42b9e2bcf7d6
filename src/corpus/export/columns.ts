/** The columns of an exported row: their Parquet schema, and what they are to Hugging Face `datasets`. */
import type { SchemaElement } from "hyparquet";

/** An encoded picture as `datasets` stores it; `path` is only a name. */
export interface ImageCell {
  readonly bytes: Uint8Array;
  readonly path: string;
}

/** `input_image`, `edit_prompt` and `edited_image` are named as InstructPix2Pix names them. */
export interface Row {
  readonly input_image: ImageCell;
  readonly edit_prompt: string;
  readonly edited_image: ImageCell;
  readonly task: string;
  /** Null for depth. */
  readonly category: string | null;
  readonly dataset: string;
  readonly photo: string;
}

export const columns: readonly { readonly name: keyof Row; readonly kind: "image" | "string" }[] = [
  { name: "input_image", kind: "image" },
  { name: "edit_prompt", kind: "string" },
  { name: "edited_image", kind: "image" },
  { name: "task", kind: "string" },
  { name: "category", kind: "string" },
  { name: "dataset", kind: "string" },
  { name: "photo", kind: "string" },
];

const text = (name: string): SchemaElement => ({
  name,
  type: "BYTE_ARRAY",
  converted_type: "UTF8",
  repetition_type: "OPTIONAL",
});

/** A picture is a struct of bytes and path: two leaves under one group. */
export const parquetSchema: SchemaElement[] = [
  { name: "root", num_children: columns.length },
  ...columns.flatMap(({ name, kind }): SchemaElement[] =>
    kind === "string"
      ? [text(name)]
      : [
          { name, repetition_type: "OPTIONAL", num_children: 2 },
          { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
          text("path"),
        ],
  ),
];

/** The value of the Parquet key `huggingface`, which tells `datasets` to decode the pictures. */
export const huggingfaceMetadata = JSON.stringify({
  info: {
    features: Object.fromEntries(
      columns.map(({ name, kind }) => [
        name,
        kind === "image" ? { _type: "Image" } : { dtype: "string", _type: "Value" },
      ]),
    ),
  },
});
