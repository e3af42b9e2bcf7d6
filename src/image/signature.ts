/** What a file is by its first bytes, so that only real raster pictures reach a decoder (never SVG or PDF). */

export interface FormatGuess {
  /** For a message: "a GIF picture", "a PDF document". */
  readonly name: string;
  /** True when `readPicture` decodes it. */
  readonly readable: boolean;
}

const SIGNATURES: readonly (readonly [offset: number, signature: string, name: string, readable: boolean])[] = [
  [0, "\xff\xd8\xff", "a JPEG picture", true],
  [0, "\x89PNG\r\n\x1a\n", "a PNG picture", true],
  [0, "GIF87a", "a GIF picture", true],
  [0, "GIF89a", "a GIF picture", true],
  [8, "WEBP", "a WebP picture", true],
  [0, "II*\0", "a TIFF picture", true],
  [0, "MM\0*", "a TIFF picture", true],
  [4, "ftypavif", "an AVIF picture", true],
  [4, "ftypavis", "an AVIF picture", true],
  [4, "ftypheic", "a HEIF picture", true],
  [4, "ftypmif1", "a HEIF picture", true],
  [4, "ftyp", "a video", false],
  [0, "%PDF", "a PDF document", false],
  [0, "BM", "a BMP picture", false],
  [0, "PK\x03\x04", "a ZIP archive", false],
  [0, "\x1f\x8b", "a gzip archive", false],
];

/** Guesses the format of a file from its first bytes (content, not extension). */
export function imageFormat(bytes: Uint8Array): FormatGuess {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 512)).toString("latin1");
  for (const [offset, signature, name, readable] of SIGNATURES)
    if (head.startsWith(signature, offset)) return { name, readable };
  const text = head.trimStart().toLowerCase();
  if (text.startsWith("<svg") || (text.startsWith("<?xml") && text.includes("<svg")))
    return { name: "an SVG drawing", readable: false };
  if (text.startsWith("<!doctype html") || text.startsWith("<html")) return { name: "a web page", readable: false };
  if (text.startsWith("version https://git-lfs")) return { name: "a Git LFS pointer", readable: false };
  return { name: /^[\t\n\r\x20-\x7e]*$/.test(head) ? "text" : "an unknown kind of file", readable: false };
}
