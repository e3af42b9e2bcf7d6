/** Where each annotation of a large file lies and what it is of, in flat memory: 48 bytes an annotation. */

export interface AnnotationRow {
  readonly image: number;
  readonly category: number;
  /** NaN when it has none. */
  readonly id: number;
  /** 1 when it has a region, 0 when it is a box only. */
  readonly outlined: number;
  /** In bytes. */
  readonly offset: number;
  readonly length: number;
}

const COLUMNS = 6;
const CHUNK_ROWS = 1 << 15;

export class AnnotationTable {
  private readonly chunks: Float64Array[] = [];
  private rows = 0;

  add({ image, category, id, outlined, offset, length }: AnnotationRow): void {
    const at = this.rows++ % CHUNK_ROWS;
    if (at === 0) this.chunks.push(new Float64Array(CHUNK_ROWS * COLUMNS));
    this.chunks.at(-1)!.set([image, category, id, outlined, offset, length], at * COLUMNS);
  }

  /** The rows of each of `images` in the order they were added, and how many are of no such image (`image`: of the first). */
  byImage(images: readonly number[]): {
    rowsOf(image: number): AnnotationRow[];
    strays: { count: number; image: number };
  } {
    const places = new Map(images.map((image, place) => [image, place]));
    const strays = { count: 0, image: Number.NaN };
    /** Until the rows are laid out: how many each image has, shifted by one. Then: where its rows begin. */
    const begin = new Uint32Array(images.length + 1);
    for (let row = 0; row < this.rows; row++) {
      const place = places.get(this.imageOf(row));
      if (place !== undefined) begin[place + 1]!++;
      else if (strays.count++ === 0) strays.image = this.imageOf(row);
    }
    for (let place = 0; place < images.length; place++) begin[place + 1]! += begin[place]!;
    const order = new Uint32Array(begin[images.length]!);
    const next = begin.slice();
    for (let row = 0; row < this.rows; row++) {
      const place = places.get(this.imageOf(row));
      if (place !== undefined) order[next[place]!++] = row;
    }
    const rowsOf = (image: number) => {
      const place = places.get(image)!;
      return Array.from(order.subarray(begin[place]!, begin[place + 1]!), (row) => this.row(row));
    };
    return { rowsOf, strays };
  }

  private imageOf(row: number): number {
    return this.chunks[Math.floor(row / CHUNK_ROWS)]![(row % CHUNK_ROWS) * COLUMNS]!;
  }

  private row(row: number): AnnotationRow {
    const at = (row % CHUNK_ROWS) * COLUMNS;
    const [image, category, id, outlined, offset, length] = this.chunks[Math.floor(row / CHUNK_ROWS)]!.subarray(
      at,
      at + COLUMNS,
    ) as unknown as [number, number, number, number, number, number];
    return { image, category, id, outlined, offset, length };
  }
}
