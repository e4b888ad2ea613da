import { LRUCache } from 'lru-cache';
import type { RegistryError } from '../registry/error.ts';
import type { Clock } from './clock.ts';

/** However long a registry says: limits are lifted, accounts are upgraded, and one request a minute is no harm. */
const LONGEST_REST_MS = 60_000;
const MAX_ACCOUNTS = 1_000;

interface Reached {
  error: RegistryError;
  /** Until when it isn't asked. */
  until: number;
  /** Until when it said it needn't be asked. */
  told: number;
}

/** A time in which one account isn't to ask. */
export interface Rest {
  error: RegistryError;
  /** Milliseconds until its end. */
  left: number;
  /** The error for those who won't wait for that. */
  refusal(): RegistryError;
}

/**
 * The rate limits of one registry that have been reached. A limit is an account's, or that of everybody who comes
 * without one: others go on.
 */
export class RateLimits {
  readonly #clock: Clock;
  readonly #reached = new LRUCache<string, Reached>({ max: MAX_ACCOUNTS });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param pause milliseconds that the account is to wait */
  reached(account: string, error: RegistryError, pause: number): void {
    const now = this.#clock.now();
    const until = now + Math.min(pause, LONGEST_REST_MS);
    if (until < (this.#reached.get(account)?.until ?? 0)) return;
    this.#reached.set(account, { error, until, told: now + pause });
  }

  /** What is left of the account's rest; undefined when it may ask. */
  rest(account: string): Rest | undefined {
    const reached = this.#reached.get(account);
    if (reached === undefined) return undefined;
    const { error, until, told } = reached;
    const now = this.#clock.now();
    if (until <= now) {
      this.#reached.delete(account);
      return undefined;
    }
    const retryAfter = Math.ceil((told - now) / 1000);
    return {
      error,
      left: until - now,
      refusal: () =>
        error.asUnsent({ reason: 'rate_limited', note: "so it isn't asked for now" }, retryAfter),
    };
  }
}
