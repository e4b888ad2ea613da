/**
 * Joins those who want the same thing at the same time: the first starts the work, the others wait for it.
 *
 * The work has a time limit of its own and hears nothing of its callers' deadlines, so one who gives up takes
 * nothing away from the others; each waits no longer than its own signal allows.
 */
export class Flights<T> {
  readonly #timeout: number;
  readonly #inFlight = new Map<string, Promise<T>>();

  /** @param timeout milliseconds after which the work itself is aborted */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /** The outcome of the work known as `key`; rejects with the signal's reason when that comes first. */
  join(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    let flight = this.#inFlight.get(key);
    if (flight === undefined) {
      flight = work(AbortSignal.timeout(this.#timeout)).finally(() => this.#inFlight.delete(key));
      // Whoever started it may be gone when it fails: the failure is then nobody's, and no reason to crash.
      flight.catch(() => undefined);
      this.#inFlight.set(key, flight);
    }
    return untilAborted(flight, signal);
  }

  get size(): number {
    return this.#inFlight.size;
  }
}

/** `promise`, or a rejection with the signal's reason as soon as it aborts. The promise itself goes on. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
