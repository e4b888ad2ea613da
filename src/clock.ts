/** The time, and timers. Tests have clocks of their own. */
export interface Clock {
  /** Milliseconds since 1970, as accurate as the machine's clock. */
  now(): number;
  /** Milliseconds on a monotonic clock, of which only differences have a meaning. */
  elapsed(): number;
  /** Calls back once, unless the returned function is called before. */
  after(milliseconds: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(milliseconds, callback) {
    // Rounded up, because a timer that fires early would find the time not yet reached.
    const timer = setTimeout(callback, Math.ceil(milliseconds));
    return () => clearTimeout(timer);
  },
};

/** Waits; rejects with the signal's reason if that aborts first. */
export function wait(clock: Pick<Clock, 'after'>, milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const abort = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(milliseconds, () => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
    signal.addEventListener('abort', abort, { once: true });
  });
}
