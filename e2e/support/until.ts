import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  /** Milliseconds; 60 s by default. */
  readonly timeout?: number;
  /** Milliseconds between two attempts. */
  readonly every?: number;
  readonly signal?: AbortSignal;
  /** What was last seen, for the error on a timeout. */
  readonly seen?: () => string | Promise<string>;
}

/** Tries until `attempt` returns a value. An error from it ends the wait at once. */
export async function until<Value>(
  what: string,
  attempt: () => Promise<Value | undefined>,
  options: UntilOptions = {},
): Promise<Value> {
  const { timeout = 60_000, every = 250, signal } = options;
  const end = Date.now() + timeout;
  for (;;) {
    signal?.throwIfAborted();
    const value = await attempt();
    if (value !== undefined) return value;
    if (Date.now() > end) {
      const seen = await options.seen?.();
      throw new Error(`waited ${timeout / 1000} s for ${what}${seen === undefined ? '' : `:\n${seen}`}`);
    }
    await sleep(every, undefined, signal === undefined ? {} : { signal });
  }
}
