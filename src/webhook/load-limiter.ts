import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * The bytes that a review counts for besides its body: its TLS connection, the parsed review, the requests under way for it.
 * So the limit also bounds the number of reviews.
 */
export const REVIEW_BYTES = 32 * 1024;

/** How many connections there may be: one for each review that could be under way. */
export const connectionLimit = (limit: number) => Math.floor(limit / REVIEW_BYTES);

/** Milliseconds for which reviews are started before the process serves its other connections again. */
const SLICE_MS = 10;
/** Bytes of a body from which parsing takes long. Reviews of real pods have 5 to 30 KiB. */
const LARGE = 256 * 1024;
/** Large reviews get a turn at least so often, in milliseconds, however many small ones come. */
const LARGE_EVERY_MS = 50;

/**
 * Limits what the webhook takes in, and decides when each review is started.
 *
 * Bodies are read as they come, which costs little, and wait in line to be parsed and decided, which costs much. Small ones
 * come first: a large one delays what comes after it by as long as it takes to parse, and no more than one is started
 * before the small ones have their turn again. Probes are answered in between. All bodies together are bounded, and so
 * is the line.
 */
export class LoadLimiter {
  readonly #limit: number;
  #reserved = 0;
  #underWay = 0;
  readonly #small: (() => void)[] = [];
  readonly #large: (() => void)[] = [];
  #isServing = false;
  #lastLarge = Number.NEGATIVE_INFINITY;

  /** @param limit bytes of bodies, and of {@link REVIEW_BYTES} for each, that are held at once */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many reviews are under way. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Bytes of the limit that they take. */
  get reservedBytes(): number {
    return this.#reserved;
  }

  /**
   * Reserves room for a review with a body of so many bytes. Returns a function that releases it, however often it is
   * called; undefined if there is no room.
   */
  reserve(bodyBytes: number): (() => void) | undefined {
    const bytes = bodyBytes + REVIEW_BYTES;
    if (this.#reserved + bytes > this.#limit) return undefined;
    this.#reserved += bytes;
    this.#underWay++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#reserved -= bytes;
      this.#underWay--;
    };
  }

  /** Starts `work` on a body of so many bytes when its turn comes; resolves to its outcome. */
  schedule<T>(bodyBytes: number, work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const line = bodyBytes < LARGE ? this.#small : this.#large;
      line.push(() => work().then(resolve, reject));
      if (this.#isServing) return;
      this.#isServing = true;
      setImmediate(this.#serve);
    });
  }

  readonly #serve = (): void => {
    const end = performance.now() + SLICE_MS;
    while (this.#small.length > 0 && performance.now() < end) this.#small.shift()?.();
    const now = performance.now();
    if (this.#small.length === 0 || now - this.#lastLarge >= LARGE_EVERY_MS) {
      if (this.#large.length > 0) this.#lastLarge = now;
      this.#large.shift()?.();
    }
    this.#isServing = this.#small.length + this.#large.length > 0;
    if (this.#isServing) setImmediate(this.#serve);
  };
}

/** The bytes of a body, as far as its request says; otherwise `limit`. */
export function bodyLength({ headers }: IncomingMessage, limit: number): number {
  const length = Number(headers['content-length'] ?? Number.NaN);
  return Number.isNaN(length) ? limit : Math.min(length, limit);
}

/** How long a connection is kept that is still sending after its answer. */
const LINGER_MS = 1_000;

/**
 * Tells the API server to send a review again. It does so after the seconds of `Retry-After`, up to ten times within its
 * own timeout, whatever the failure policy (client-go rest/with_retry.go), where a late answer is a call that failed.
 * It uses another connection for that, which may lead to another replica.
 *
 * The answer is sent at once, so that the API server needn't send the rest of a large body. What is already on its way isn't
 * read, because reading and decrypting it for hundreds of refused reviews would take the time of the others. But closing a
 * connection with unread data resets it, and the answer may be lost: so it is kept for a while.
 */
export function respondOverloaded(request: IncomingMessage, response: ServerResponse): void {
  const text = 'tagpin has more to do than it can do in time\n';
  const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(text) };
  response.writeHead(503, { ...headers, 'Retry-After': '1', Connection: 'close' }).write(text);
  if (request.readableEnded) {
    response.end();
    return;
  }
  const timer = setTimeout(() => response.end(), LINGER_MS);
  response.once('close', () => clearTimeout(timer));
}
