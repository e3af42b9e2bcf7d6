/** How entries of result files name a photo: by its number, its name, or its file. */

/** `139`, `"000000000139"` and `"000000000139.jpg"` are one photo. */
export function keyOf(image: unknown): string | undefined {
  if (typeof image === "number") return Number.isInteger(image) ? String(image) : undefined;
  if (typeof image !== "string") return undefined;
  const name = image.replace(/\.(jpe?g|png)$/i, "");
  return /^\d+$/.test(name) ? String(Number(name)) : name;
}

/** A photo's id without its dataset: the name its files have. */
export const nameOf = (photo: { readonly id: string; readonly dataset: string }): string =>
  photo.id.slice(photo.dataset.length + 1);

/** VOC's `2008_007430` is 2008007430 in files that were converted to COCO's layout. */
export function keysOf(name: string): string[] {
  const joined = /^\d+_\d+$/.test(name) ? [String(Number(name.replace("_", "")))] : [];
  return [keyOf(name)!, ...joined];
}
