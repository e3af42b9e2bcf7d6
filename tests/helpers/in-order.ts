/** One after the other: what comes later may depend on what an earlier call changed. */
export async function inOrder<T, R>(items: Iterable<T>, each: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await each(item));
  return results;
}
