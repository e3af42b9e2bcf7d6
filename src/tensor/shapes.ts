/** Result shapes of the tensor operations: the arithmetic that a symbolic engine needs because nothing is computed yet. */

type Shape = readonly number[];

/** Counts a possibly negative dim from the end. Throws RangeError outside the rank. */
export function wrapDim(dim: number, rank: number): number {
  const wrapped = dim < 0 ? dim + rank : dim;
  if (!Number.isInteger(dim) || wrapped < 0 || wrapped >= rank)
    throw new RangeError(`dim ${dim} is outside a tensor of rank ${rank}`);
  return wrapped;
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** NumPy's broadcasting: aligned from the right, dims of 1 stretch. */
export function broadcastShape(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const m = a[i - rank + a.length] ?? 1;
    const n = b[i - rank + b.length] ?? 1;
    if (m !== n && m !== 1 && n !== 1) throw new RangeError(`shapes [${a}] and [${b}] do not broadcast`);
    return m === 1 ? n : m;
  });
}

/** x_BIHW and weight_OIKK. */
export function conv2dShape(x: Shape, weight: Shape, stride: number, padding: number): number[] {
  const [b, i, h, w] = ofRank(x, 4) as [number, number, number, number];
  const [o, wi, kh, kw] = ofRank(weight, 4) as [number, number, number, number];
  if (i !== wi) throw new RangeError(`conv2d weight [${weight}] expects ${wi} channels, x [${x}] has ${i}`);
  const out = (n: number, kernel: number) => Math.floor((n + 2 * padding - kernel) / stride) + 1;
  return [b, o, out(h, kh), out(w, kw)];
}

/** x_...I and weight_OI. */
export function linearShape(x: Shape, weight: Shape): number[] {
  const [o, i] = ofRank(weight, 2) as [number, number];
  if (x.at(-1) !== i) throw new RangeError(`linear weight [${weight}] expects ${i} features, x is [${x}]`);
  return [...x.slice(0, -1), o];
}

/** a_...MK and b_...KN of rank 2 or more; leading dims broadcast. */
export function matmulShape(a: Shape, b: Shape): number[] {
  if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2))
    throw new RangeError(`matmul of [${a}] and [${b}] does not fit`);
  return [...broadcastShape(a.slice(0, -2), b.slice(0, -2)), a.at(-2)!, b.at(-1)!];
}

/** No dims, or an empty list, means all of them. Also returns the dims, wrapped. */
export function reduceShape(x: Shape, dims: readonly number[] | undefined, keepdim: boolean) {
  const reduced = dims?.length ? dims.map((dim) => wrapDim(dim, x.length)) : x.map((_, i) => i);
  const kept = x.map((n, i) => (reduced.includes(i) ? 1 : n));
  return { dims: reduced, shape: keepdim ? kept : kept.filter((_, i) => !reduced.includes(i)) };
}

/** Fills in the one dim that may be -1. */
export function reshapeShape(x: Shape, shape: Shape): number[] {
  const known = sizeOf(shape.filter((n) => n !== -1));
  const size = sizeOf(x);
  const filled = shape.map((n) => (n === -1 ? size / known : n));
  if (shape.filter((n) => n === -1).length > 1 || sizeOf(filled) !== size || !filled.every(Number.isInteger))
    throw new RangeError(`[${x}] cannot be reshaped to [${shape}]`);
  return filled;
}

export function concatShape(shapes: readonly Shape[], dim: number): number[] {
  const first = shapes[0];
  if (!first) throw new RangeError("concat of nothing");
  const axis = wrapDim(dim, first.length);
  for (const shape of shapes)
    if (shape.length !== first.length || shape.some((n, i) => i !== axis && n !== first[i]))
      throw new RangeError(`[${shape}] cannot be concatenated to [${first}] along dim ${axis}`);
  return first.map((n, i) => (i === axis ? shapes.reduce((sum, shape) => sum + shape[axis]!, 0) : n));
}

/** Half-open [start, end) along one dim. */
export function sliceShape(x: Shape, dim: number, start: number, end: number): number[] {
  const axis = wrapDim(dim, x.length);
  if (start < 0 || end < start || end > x[axis]!)
    throw new RangeError(`slice [${start}, ${end}) is outside dim ${axis} of [${x}]`);
  return x.map((n, i) => (i === axis ? end - start : n));
}

export function permuteShape(x: Shape, dims: readonly number[]) {
  const order = dims.map((dim) => wrapDim(dim, x.length));
  if (new Set(order).size !== x.length || order.length !== x.length)
    throw new RangeError(`[${dims}] is no permutation of the dims of [${x}]`);
  return { dims: order, shape: order.map((dim) => x[dim]!) };
}

/** Broadcasting in one direction only: `shape` must come out. */
export function expandShape(x: Shape, shape: Shape): number[] {
  const result = broadcastShape(x, shape);
  if (result.length !== shape.length || result.some((n, i) => n !== shape[i]))
    throw new RangeError(`[${x}] cannot be expanded to [${shape}]`);
  return result;
}

/** Checks the rank and returns the shape. */
export function ofRank(shape: Shape, rank: number): Shape {
  if (shape.length !== rank) throw new RangeError(`expected rank ${rank}, found [${shape}]`);
  return shape;
}
