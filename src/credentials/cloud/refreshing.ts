import { LRUCache } from 'lru-cache';
import { Singleflight } from '../../singleflight.ts';

/** Where time comes from. */
export interface Clock {
  /** Milliseconds since 1970, as right as the machine's clock is. */
  now(): number;
  /** Milliseconds since whenever, which nobody sets back or forward. */
  elapsed(): number;
}

export const systemClock: Clock = { now: () => Date.now(), elapsed: () => performance.now() };

/** Something obtained, and for how long it is good, in milliseconds from now. */
export interface Perishable<T> {
  readonly value: T;
  /** After this it is renewed in the background, while it goes on being used. */
  readonly renewAfter: number;
  /** After this it isn't used any more. */
  readonly lifetime: number;
  /** It stands for nothing, and so never takes the place of something that is still good. */
  readonly absent?: true;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** A token is believed to live so long at least, so that one that seems to have expired isn't asked for on each use. */
const MINIMUM_LIFETIME_MS = MINUTE;
/** What doesn't say how long it lives is believed to live so long. */
const UNKNOWN_LIFETIME_MS = 10 * MINUTE;
/** A token is given up so long before it expires, so that it doesn't on its way. */
const MARGIN_MS = 30 * SECOND;
/** A failure is the answer for so long: a hundred pods don't ask a hundred times. */
const FAILURE_MS = 10 * SECOND;
/** That there is no identity is slow to find out, and on a node that has just started it is true for a while only. */
const ABSENCE = { renewAfter: 30 * SECOND, lifetime: 10 * MINUTE };
const TIMEOUT_MS = 15 * SECOND;
const MAX_KEYS = 1_000;

/**
 * A token that is renewed when half of its life is over. What is left of that according to a clock that is wrong may
 * be anything: it counts as at least a minute and at most `longest`, the longest life that its issuer gives.
 *
 * @param lifetime milliseconds from now; NaN if it isn't known
 */
export function token<T>(value: T, lifetime: number, longest: number): Perishable<T> {
  const left = Number.isNaN(lifetime) ? UNKNOWN_LIFETIME_MS : Math.min(lifetime, longest);
  const life = Math.max(MINIMUM_LIFETIME_MS, left - MARGIN_MS);
  return { value, renewAfter: life / 2, lifetime: life };
}

/** What stands for a token where there is nobody to get one as. */
export const absence = <T>(value: T): Perishable<T> => ({ value, ...ABSENCE, absent: true });

interface Held<T> {
  readonly value: T;
  readonly renewAt: number;
  readonly expiresAt: number;
  readonly absent: boolean;
}

/**
 * Keeps tokens, by key, and gets new ones in time.
 *
 * There are no timers: using a token whose half life is over starts its renewal, and whoever uses it meanwhile, or
 * while the renewal fails, gets the old one for as long as it lives. Whoever wants the same token at the same time
 * waits for the same request.
 */
export class Refreshing<T> {
  readonly #clock: Clock;
  readonly #held = new LRUCache<string, Held<T>>({ max: MAX_KEYS });
  readonly #failures = new LRUCache<string, { error: unknown; until: number }>({ max: MAX_KEYS });
  readonly #flights = new Singleflight<T>(TIMEOUT_MS);

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /**
   * The token known as `key`.
   *
   * @param obtain gets a new one; it has to end when its signal aborts
   * @throws what `obtain` throws, also when that was a moment ago; or the signal's reason
   */
  async get(
    key: string,
    signal: AbortSignal,
    obtain: (signal: AbortSignal) => Promise<Perishable<T>>,
  ): Promise<T> {
    signal.throwIfAborted();
    const now = this.#clock.elapsed();
    const held = this.#held.get(key);
    const failure = this.#failures.get(key);
    const failing = failure !== undefined && now < failure.until;
    if (held !== undefined && now < held.expiresAt) {
      // A failure is remembered, and told when the old token is gone too.
      if (now >= held.renewAt && !failing) this.#renew(key, unhurried, obtain).catch(() => undefined);
      return held.value;
    }
    if (failing) throw failure.error;
    return this.#renew(key, signal, obtain);
  }

  #renew(
    key: string,
    signal: AbortSignal,
    obtain: (signal: AbortSignal) => Promise<Perishable<T>>,
  ): Promise<T> {
    return this.#flights.join(key, signal, async (flightSignal) => {
      try {
        const { value, renewAfter, lifetime, absent = false } = await obtain(flightSignal);
        const now = this.#clock.elapsed();
        const renewAt = now + renewAfter;
        this.#failures.delete(key);
        const held = this.#held.get(key);
        // An identity that can't be found for a moment looks like one that isn't there.
        const keep = absent && held !== undefined && !held.absent && now < held.expiresAt;
        const next = keep ? { ...held, renewAt } : { value, renewAt, expiresAt: now + lifetime, absent };
        this.#held.set(key, next);
        return next.value;
      } catch (error) {
        this.#failures.set(key, { error, until: this.#clock.elapsed() + FAILURE_MS });
        throw error;
      }
    });
  }
}

const unhurried = new AbortController().signal;
