import { deadlineIn } from './deadline.ts';

/**
 * Joins those who want the same thing at the same time: the first starts the work, the others wait for it.
 *
 * The work has a time limit of its own and hears nothing of its callers' deadlines, so one who gives up takes
 * nothing away from the others; each waits no longer than its own signal allows. When all have given up the work is
 * told so, and may end before it has begun what nobody waits for.
 */
export class Singleflight<T> {
  readonly #timeout: number;
  readonly #inFlight = new Map<string, Flight<T>>();

  /** @param timeout milliseconds after which the work itself is aborted */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /**
   * The outcome of the work known as `key`; rejects with the signal's reason when that comes first.
   *
   * @param work gets a signal that ends it, and one that says that nobody wants it any more
   */
  async join(key: string, signal: AbortSignal, work: Work<T>): Promise<T> {
    for (;;) {
      const flight = this.#inFlight.get(key) ?? this.#start(key, work);
      flight.callers++;
      try {
        return await untilAborted(flight.outcome, signal);
      } catch (error) {
        // It was given up because all before had left: that is no answer to who came after them.
        if (error !== ABANDONED || signal.aborted) throw error;
      } finally {
        flight.callers--;
        if (flight.callers === 0) flight.unwanted.abort(ABANDONED);
      }
    }
  }

  get size(): number {
    return this.#inFlight.size;
  }

  #start(key: string, work: Work<T>): Flight<T> {
    const unwanted = new AbortController();
    const deadline = deadlineIn(this.#timeout);
    const outcome = work(deadline.signal, unwanted.signal).finally(() => {
      deadline[Symbol.dispose]();
      this.#inFlight.delete(key);
    });
    // Whoever started it may be gone when it fails: the failure is then nobody's, and no reason to crash.
    outcome.catch(() => undefined);
    const flight = { outcome, callers: 0, unwanted };
    this.#inFlight.set(key, flight);
    return flight;
  }
}

export type Work<T> = (signal: AbortSignal, wanted: AbortSignal) => Promise<T>;

interface Flight<T> {
  outcome: Promise<T>;
  callers: number;
  unwanted: AbortController;
}

const ABANDONED = new DOMException('nobody waits for it any more', 'AbortError');

/** `promise`, or a rejection with the signal's reason as soon as it aborts. The promise itself goes on. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
