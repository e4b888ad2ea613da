import { LRUCache } from 'lru-cache';
import { type Clock, systemClock } from '../../clock.ts';
import { Singleflight } from '../../singleflight.ts';

/** A value to cache, and for how long, in milliseconds from now. */
export interface Cacheable<T> {
  readonly value: T;
  /** From then on the value is renewed in the background, and still used. */
  readonly renewAfter: number;
  /** From then on the value isn't used any more. */
  readonly lifetime: number;
  /** The value says that there is no identity: it never replaces a token that is still valid. */
  readonly absent?: true;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** The shortest lifetime assumed, so that a token which seems to have expired isn't requested at each use. */
const MINIMUM_LIFETIME_MS = MINUTE;
/** The lifetime of a token that doesn't state one. */
const UNKNOWN_LIFETIME_MS = 10 * MINUTE;
/** A token is dropped this long before it expires, because it could expire in transit. */
const MARGIN_MS = 30 * SECOND;
/** A failure is repeated for this long without another request, so a hundred pods cause one. */
const FAILURE_MS = 10 * SECOND;
/** To find no identity is slow, and on a node that has just started an identity appears later. */
const ABSENCE = { renewAfter: 30 * SECOND, lifetime: 10 * MINUTE };
const TIMEOUT_MS = 15 * SECOND;
const MAX_KEYS = 1_000;

/**
 * A token, to be renewed after half of its life. If the machine's clock is wrong, so is `lifetime`: at least a minute and
 * at most `longest`, the longest life that its issuer gives, is assumed.
 *
 * @param lifetime milliseconds from now; NaN if unknown
 */
export function token<T>(value: T, lifetime: number, longest: number): Cacheable<T> {
  const left = Number.isNaN(lifetime) ? UNKNOWN_LIFETIME_MS : Math.min(lifetime, longest);
  const life = Math.max(MINIMUM_LIFETIME_MS, left - MARGIN_MS);
  return { value, renewAfter: life / 2, lifetime: life };
}

/** The value for callers without an identity. */
export const noIdentity = <T>(value: T): Cacheable<T> => ({ value, ...ABSENCE, absent: true });

interface CacheEntry<T> {
  readonly value: T;
  readonly renewAt: number;
  readonly expiresAt: number;
  readonly absent: boolean;
}

/**
 * Tokens by key, renewed before they expire.
 *
 * There are no timers: the first use after half of a token's life starts the renewal. Until that succeeds, the old token
 * is used for as long as it lives. Concurrent callers share one request.
 */
export class TokenCache<T> {
  readonly #clock: Clock;
  readonly #entries = new LRUCache<string, CacheEntry<T>>({ max: MAX_KEYS });
  readonly #failures = new LRUCache<string, { error: unknown; until: number }>({ max: MAX_KEYS });
  readonly #renewals = new Singleflight<T>(TIMEOUT_MS);

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /**
   * The token for `key`.
   *
   * @param obtain requests a new one; it must end when its signal aborts
   * @throws what `obtain` throws, now or a few seconds ago; or the signal's reason
   */
  async get(
    key: string,
    signal: AbortSignal,
    obtain: (signal: AbortSignal) => Promise<Cacheable<T>>,
  ): Promise<T> {
    signal.throwIfAborted();
    const now = this.#clock.elapsed();
    const cached = this.#entries.get(key);
    const failure = this.#failures.get(key);
    const failing = failure !== undefined && now < failure.until;
    if (cached !== undefined && now < cached.expiresAt) {
      // A failed renewal is remembered; it is reported once the old token has expired too.
      if (now >= cached.renewAt && !failing) this.#renew(key, neverAborted, obtain).catch(() => undefined);
      return cached.value;
    }
    if (failing) throw failure.error;
    return this.#renew(key, signal, obtain);
  }

  #renew(
    key: string,
    signal: AbortSignal,
    obtain: (signal: AbortSignal) => Promise<Cacheable<T>>,
  ): Promise<T> {
    return this.#renewals.join(key, signal, async (renewal) => {
      try {
        const { value, renewAfter, lifetime, absent = false } = await obtain(renewal);
        const now = this.#clock.elapsed();
        const renewAt = now + renewAfter;
        this.#failures.delete(key);
        const cached = this.#entries.get(key);
        // A metadata server that is down for a moment looks like no identity at all.
        const keep = absent && cached !== undefined && !cached.absent && now < cached.expiresAt;
        const next = keep ? { ...cached, renewAt } : { value, renewAt, expiresAt: now + lifetime, absent };
        this.#entries.set(key, next);
        return next.value;
      } catch (error) {
        this.#failures.set(key, { error, until: this.#clock.elapsed() + FAILURE_MS });
        throw error;
      }
    });
  }
}

const neverAborted = new AbortController().signal;
