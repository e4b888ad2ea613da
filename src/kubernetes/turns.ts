/** How many reads may be under way, and how many may wait for that. */
export interface TurnLimits {
  /** Under way for all namespaces together. */
  inAll: number;
  /** Under way for one namespace. */
  perNamespace: number;
  /** Waiting in one namespace. */
  waiting: number;
}

/** The turns of reads on behalf of reviews. */
export interface ReadTurns {
  /** Of objects, each read by its name. */
  readonly objects: Turns;
  /** Of lists, from the first page to the last. */
  readonly lists: Turns;
}

/**
 * What reviews may read at once. Reads follow each other without a pause, so that the number under way decides how much of the
 * API server's and of this process's time they take: an API server answers one in 2 to 5 ms, and four at once are about a
 * thousand a second. A rollout needs two or three for all its pods. Both numbers together stay far below the 100 streams that
 * the API server allows on a connection (apiserver pkg/server/secure_serving.go), so that the reads of the webhook's own
 * certificate wait for none of these.
 *
 * A page of a list is parsed in one go, which takes up to 40 ms (call.ts, `LARGEST_ANSWER`). A namespace has one list at
 * once, so that the pages of others, and all else, come in between.
 */
export const reviewTurns = (): ReadTurns => ({
  objects: new Turns({ inAll: 32, perNamespace: 4, waiting: 1_000 }),
  lists: new Turns({ inAll: 4, perNamespace: 1, waiting: 100 }),
});

interface Waiting {
  begin(): void;
}

/** Thrown for a read that finds too many others of its namespace waiting. */
export class TooManyWaiting extends Error {
  override readonly name = 'TooManyWaiting';
}

/** Has reads wait for their turn: namespaces take turns with each other, and the reads of one are first come, first served. */
export class Turns {
  readonly #limits: TurnLimits;
  /** By namespace, in the order in which namespaces are served. */
  readonly #waiting = new Map<string, Set<Waiting>>();
  readonly #underWay = new Map<string, number>();
  #total = 0;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  get underWay(): number {
    return this.#total;
  }

  get waiting(): number {
    return this.#waiting.values().reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Waits for the turn of a read. Call what it resolves to when the read has ended.
   *
   * @throws TooManyWaiting, or the signal's reason
   */
  take(namespace: string, signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const waiting = this.#waiting.get(namespace);
    if (waiting === undefined && this.#hasRoom(namespace)) return Promise.resolve(this.#begin(namespace));
    if ((waiting?.size ?? 0) >= this.#limits.waiting) return Promise.reject(new TooManyWaiting());
    return new Promise((resolve, reject) => {
      const read: Waiting = {
        begin: () => {
          signal.removeEventListener('abort', leave);
          resolve(this.#begin(namespace));
        },
      };
      const leave = () => {
        this.#remove(namespace, read);
        reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.set(namespace, (waiting ?? new Set()).add(read));
    });
  }

  #hasRoom(namespace: string): boolean {
    const { inAll, perNamespace } = this.#limits;
    return this.#total < inAll && (this.#underWay.get(namespace) ?? 0) < perNamespace;
  }

  #begin(namespace: string): () => void {
    this.#count(namespace, 1);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#count(namespace, -1);
      this.#next();
    };
  }

  #count(namespace: string, change: 1 | -1): void {
    this.#total += change;
    const count = (this.#underWay.get(namespace) ?? 0) + change;
    if (count === 0) this.#underWay.delete(namespace);
    else this.#underWay.set(namespace, count);
  }

  /** Begins the first read of the first namespace that has room; then it is the other namespaces' turn. */
  #next(): void {
    for (const [namespace, waiting] of this.#waiting) {
      if (!this.#hasRoom(namespace)) continue;
      const [read] = waiting;
      if (read === undefined) continue;
      this.#remove(namespace, read);
      if (this.#waiting.delete(namespace)) this.#waiting.set(namespace, waiting);
      read.begin();
      return;
    }
  }

  #remove(namespace: string, read: Waiting): void {
    const waiting = this.#waiting.get(namespace);
    waiting?.delete(read);
    if (waiting?.size === 0) this.#waiting.delete(namespace);
  }
}
