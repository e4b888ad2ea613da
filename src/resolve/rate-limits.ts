import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import type { RegistryError } from '../registry/error.ts';

/** The longest pause, whatever `Retry-After` says: accounts are upgraded, and one request a minute does no harm. */
const LONGEST_REST_MS = 60_000;
const MAX_KEYS = 1_000;

interface Reached {
  error: RegistryError;
  /** When it is asked again. */
  until: number;
  /** When the registry said that it may be asked again. */
  announced: number;
}

/** A time in which no request is sent. */
export interface Rest {
  error: RegistryError;
  /** Milliseconds until its end. */
  left: number;
  /** The error of a request that doesn't wait until then. */
  refusal(): RegistryError;
}

/**
 * The rate limits of one registry that have been reached. A key names what a limit is for: an account, or an account and
 * a repository. Requests under other keys go on.
 */
export class RateLimits {
  readonly #clock: Clock;
  readonly #reached = new LRUCache<string, Reached>({ max: MAX_KEYS });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param pause milliseconds for which no request is sent under this key */
  reached(key: string, error: RegistryError, pause: number): void {
    const now = this.#clock.elapsed();
    const until = now + Math.min(pause, LONGEST_REST_MS);
    if (until < (this.#reached.get(key)?.until ?? 0)) return;
    this.#reached.set(key, { error, until, announced: now + pause });
  }

  /** What is left of the key's rest; undefined if a request may be sent. */
  rest(key: string): Rest | undefined {
    const reached = this.#reached.get(key);
    if (reached === undefined) return undefined;
    const { error, until, announced } = reached;
    const now = this.#clock.elapsed();
    if (until <= now) {
      this.#reached.delete(key);
      return undefined;
    }
    const retryAfter = Math.ceil((announced - now) / 1000);
    return {
      error,
      left: until - now,
      refusal: () =>
        error.asUnsent({ reason: 'rate_limited', note: "so it isn't asked for now" }, retryAfter),
    };
  }
}
