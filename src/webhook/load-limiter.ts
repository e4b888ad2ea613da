/**
 * What a review counts for beside its body: its connection with TLS, the parsed review, what is under way for it. So the
 * limit is one of their number too.
 */
export const REVIEW_BYTES = 32 * 1024;

/** How many connections there may be: one for each review that could be under way at most. */
export const connectionLimit = (limit: number) => Math.floor(limit / REVIEW_BYTES);

/** Milliseconds for which reviews are started before the process sees to its other connections again. */
const SLICE_MS = 10;

/**
 * What is taken in of all that comes, and when each is started.
 *
 * Bodies are read as they come, which costs little, and wait in a line to be parsed and decided, which costs much. So
 * it is known how long each has waited; and however many there are, those who ask for the process's health are answered
 * in between. What all of them hold in memory is limited, so the line is.
 */
export class LoadLimiter {
  readonly #limit: number;
  #held = 0;
  #underWay = 0;
  readonly #line: (() => void)[] = [];

  /** @param limit bytes of bodies, and of {@link REVIEW_BYTES} for each, that are held at once */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many reviews have room now. */
  get underWay(): number {
    return this.#underWay;
  }

  /** What they take of the limit. */
  get heldBytes(): number {
    return this.#held;
  }

  /**
   * Makes room for a review whose body has so many bytes. Returns what gives the room back, once however often it is
   * called; undefined if there is none.
   */
  hold(bodyBytes: number): (() => void) | undefined {
    const bytes = bodyBytes + REVIEW_BYTES;
    if (this.#held + bytes > this.#limit) return undefined;
    this.#held += bytes;
    this.#underWay++;
    let holds = true;
    return () => {
      if (!holds) return;
      holds = false;
      this.#held -= bytes;
      this.#underWay--;
    };
  }

  /** Starts `work` when all that came before it has been started; its outcome. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#line.push(() => work().then(resolve, reject));
      if (this.#line.length === 1) setImmediate(this.#serve);
    });
  }

  readonly #serve = (): void => {
    const end = performance.now() + SLICE_MS;
    while (this.#line.length > 0 && performance.now() < end) this.#line.shift()?.();
    if (this.#line.length > 0) setImmediate(this.#serve);
  };
}
