import { deadlineIn } from './deadline.ts';

/**
 * Joins callers that want the same thing at the same time: the first starts the work, the others wait for it.
 *
 * The work has a time limit of its own and knows nothing of its callers' deadlines, so a caller that gives up takes
 * nothing away from the others; each waits no longer than its own signal allows. When all have given up, the work is
 * told so: it may end, or not begin what nobody waits for.
 */
export class Singleflight<T> {
  readonly #timeout: number;
  readonly #inFlight = new Map<string, Flight<T>>();

  /** @param timeout milliseconds after which the work itself is aborted */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /**
   * The outcome of the work known as `key`. If the signal aborts first, it rejects with the signal's reason, or if the time
   * has run out, with the work's obstacle.
   */
  async join(key: string, signal: AbortSignal, work: Work<T>): Promise<T> {
    for (;;) {
      const flight = this.#inFlight.get(key) ?? this.#start(key, work);
      flight.callers++;
      try {
        return await untilAborted(flight.outcome, signal);
      } catch (error) {
        if (isTimeout(error)) throw flight.progress.obstacle?.() ?? error;
        // The work ended because all earlier callers had left. That is no answer to a caller that came after them.
        if (error !== ABANDONED || signal.aborted) throw error;
      } finally {
        flight.callers--;
        if (flight.callers === 0) flight.abandoned.abort(ABANDONED);
      }
    }
  }

  get size(): number {
    return this.#inFlight.size;
  }

  #start(key: string, work: Work<T>): Flight<T> {
    const abandoned = new AbortController();
    const deadline = deadlineIn(this.#timeout);
    const progress: FlightProgress = {};
    const outcome = work(deadline.signal, abandoned.signal, progress).finally(() => {
      deadline[Symbol.dispose]();
      this.#inFlight.delete(key);
    });
    // All callers may have left when it fails. Then nobody handles the failure, which is no reason to crash.
    outcome.catch(() => undefined);
    const flight = { outcome, callers: 0, abandoned, progress };
    this.#inFlight.set(key, flight);
    return flight;
  }
}

/**
 * Work for callers that join.
 *
 * @param signal ends it
 * @param abandoned aborts when no caller waits any more
 */
export type Work<T> = (signal: AbortSignal, abandoned: AbortSignal, progress: FlightProgress) => Promise<T>;

/** What the work tells its callers before it has an outcome. */
export interface FlightProgress {
  /** What it waits for at the moment: the error for a caller whose time runs out. */
  obstacle?: () => Error;
}

interface Flight<T> {
  outcome: Promise<T>;
  callers: number;
  abandoned: AbortController;
  progress: FlightProgress;
}

const ABANDONED = new DOMException('nobody waits for it any more', 'AbortError');

const isTimeout = (error: unknown) => error instanceof DOMException && error.name === 'TimeoutError';

/** `promise`, or a rejection with the signal's reason as soon as that aborts. The work behind the promise goes on. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
