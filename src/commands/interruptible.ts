/**
 * What comes of the work; undefined if the process is to end before. What fails from then on has been made to fail,
 * and isn't told for what it is.
 */
export function interruptible<T>(
  work: Promise<T>,
  interrupted: AbortSignal,
  hasFailed: (outcome: T) => boolean,
): Promise<T | undefined> {
  const settled = work.then((outcome) => (interrupted.aborted && hasFailed(outcome) ? undefined : outcome));
  if (interrupted.aborted) return Promise.race([settled, undefined]);
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const end = () => resolve(undefined);
  interrupted.addEventListener('abort', end, { once: true });
  return Promise.race([settled, promise]).finally(() => interrupted.removeEventListener('abort', end));
}
