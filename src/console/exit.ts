/** The exit codes of every command; `ineffective` only of `audit`, for a namespace's label without effect. */
export const exitCode = { done: 0, findings: 1, wrongUse: 2, failed: 3, ineffective: 4 } as const;
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** An argument, an option or a file that the user has to correct. The message says what is wrong, and the remedy. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse';
}

/** A failure that leaves the command nothing to do, while its use is right. The message includes the remedy. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

/** The reason of a process's `interrupted` signal. By the shells' convention its exit code is 128 plus the signal's number. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly code: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`ended by ${signal}`);
    this.code = signal === 'SIGINT' ? 130 : 143;
  }
}

/**
 * The result of the work, or undefined once the process is to end. A failure after that is undefined too: the
 * interruption caused it, so it says nothing about what was asked.
 */
export function interruptible<T>(
  work: Promise<T>,
  interrupted: AbortSignal,
  hasFailed: (result: T) => boolean,
): Promise<T | undefined> {
  const finished = work.then((result) => (interrupted.aborted && hasFailed(result) ? undefined : result));
  if (interrupted.aborted) return Promise.race([finished, undefined]);
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const end = () => resolve(undefined);
  interrupted.addEventListener('abort', end, { once: true });
  return Promise.race([finished, promise]).finally(() => interrupted.removeEventListener('abort', end));
}

/** Does the work for each item, `concurrency` at a time, starting in the order given; once `stop` aborts, no more. */
export async function each<T>(
  items: readonly T[],
  concurrency: number,
  work: (item: T, index: number) => Promise<void>,
  stop?: AbortSignal,
): Promise<void> {
  const rest = items.entries();
  const worker = async () => {
    for (const [index, item] of rest) {
      if (stop?.aborted) return;
      await work(item, index);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
