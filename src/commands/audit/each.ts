/** Does the work for each, so many at once, beginning in the order given. */
export async function each<T>(
  all: readonly T[],
  concurrency: number,
  work: (one: T, index: number) => Promise<void>,
): Promise<void> {
  const rest = all.entries();
  const worker = async () => {
    for (const [index, one] of rest) await work(one, index);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
