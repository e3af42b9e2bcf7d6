/** Writes rows into Parquet files of bounded size, a row group in memory at a time. */
import { type FileHandle, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { columns, huggingfaceMetadata, parquetSchema, type Row } from "./columns.js";

/** A row group ends at so many rows, or bytes: small enough to read a few rows of a large file. */
const GROUP_ROWS = 1000;

export class PartWriter {
  private readonly parts: { readonly path: string; readonly bytes: number }[] = [];
  private current: Part | undefined;
  private group: Row[] = [];
  private pending = 0;
  rows = 0;
  /** Of the values, as they are in memory. */
  bytes = 0;

  /** Files of at most about `partBytes` in row groups of at most `groupBytes`, in `folder`, named after the split. */
  constructor(
    private readonly folder: string,
    private readonly split: string,
    private readonly partBytes: number,
    private readonly groupBytes: number,
  ) {}

  async add(row: Row): Promise<void> {
    const size = sizeOf(row);
    if (this.group.length === GROUP_ROWS || (this.group.length > 0 && this.pending + size > this.groupBytes))
      await this.endGroup();
    this.group.push(row);
    this.pending += size;
    this.rows++;
    this.bytes += size;
  }

  /** The files, `<split>-00000-of-00002.parquet` and so on, named now that their number is known. */
  async close(): Promise<{ name: string; bytes: number }[]> {
    if (this.group.length > 0) await this.endGroup();
    await this.endPart();
    const number = (n: number) => String(n).padStart(5, "0");
    return Promise.all(
      this.parts.map(async ({ path, bytes }, i) => {
        const name = `${this.split}-${number(i)}-of-${number(this.parts.length)}.parquet`;
        await rename(path, join(this.folder, name));
        return { name, bytes };
      }),
    );
  }

  /** Lets go of the open file after a failure. */
  async abandon(): Promise<void> {
    await this.current?.abandon();
  }

  private async endGroup(): Promise<void> {
    if (this.current && this.current.bytes + this.pending > this.partBytes) await this.endPart();
    this.current ??= await Part.create(join(this.folder, `.${this.split}-${this.parts.length}.tmp`));
    await this.current.write(this.group);
    this.group = [];
    this.pending = 0;
  }

  private async endPart(): Promise<void> {
    if (!this.current) return;
    await this.current.finish();
    this.parts.push({ path: this.current.path, bytes: this.current.bytes });
    this.current = undefined;
  }
}

/** One Parquet file. */
class Part {
  private readonly sink: FileSink;
  private readonly writer: ParquetWriter;

  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
  ) {
    this.sink = new FileSink(file);
    this.writer = new ParquetWriter({
      writer: this.sink,
      schema: parquetSchema,
      kvMetadata: [{ key: "huggingface", value: huggingfaceMetadata }],
      createdBy: "instructcv",
    });
  }

  static async create(path: string): Promise<Part> {
    return new Part(path, await open(path, "wx"));
  }

  /** Written so far. */
  get bytes(): number {
    return this.sink.offset;
  }

  /** One row group. Pictures are compressed already; the photo of several records is stored once, in the column's dictionary. */
  async write(rows: readonly Row[]): Promise<void> {
    await this.writer.write({
      columnData: columns.map(({ name, kind }) => ({
        name,
        data: rows.map((row) => row[name]),
        ...(kind === "image" && { codec: "UNCOMPRESSED", statistics: false }),
      })),
      rowGroupSize: rows.length,
    });
  }

  async finish(): Promise<void> {
    await this.writer.finish();
    await this.file.sync();
    await this.file.close();
  }

  async abandon(): Promise<void> {
    await this.file.close().catch(() => {});
  }
}

/** Hands its buffer to a file after each row group. */
class FileSink extends ByteWriter {
  constructor(private readonly file: FileHandle) {
    super();
  }

  async flush(): Promise<void> {
    await this.file.writeFile(this.getBytes());
    this.index = 0;
  }

  override finish(): Promise<void> {
    return this.flush();
  }
}

function sizeOf(row: Row): number {
  return columns.reduce((sum, { name }) => {
    const value = row[name];
    if (value === null) return sum;
    return sum + (typeof value === "string" ? Buffer.byteLength(value) : value.bytes.length + value.path.length);
  }, 0);
}
