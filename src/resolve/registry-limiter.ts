import { RegistryError, type Unsent } from '../registry/error.ts';
import { backoff, isRetried, MAX_ATTEMPTS, type Random } from './backoff.ts';
import { Breaker } from './breaker.ts';
import type { Clock } from './clock.ts';
import { RateLimits } from './rate-limits.ts';
import type { ResolveAttempt } from './resolve-attempt.ts';
import { type SlotOptions, Slots, tooMany } from './slots.ts';

/** Requests that waited for the same rate limit to end are spread over this. */
const STAGGER_MS = 100;

/** Told what happens at one registry: for metrics. */
export interface RegistryLimiterObserver {
  inFlight(change: 1 | -1): void;
  waiting(change: 1 | -1): void;
  /** The circuit breaker has opened or closed. */
  broken(isOpen: boolean): void;
  retried(reason: string): void;
  /** A resolve failed without a request. */
  notAsked(reason: Unsent['reason']): void;
}

export interface RegistryLimiterParts {
  clock: Clock;
  random: Random;
  observer: RegistryLimiterObserver;
}

/** The limits of one registry, independent of any other's: its slots, its circuit breaker, its rate limits, its retries. */
export class RegistryLimiter {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #observer: RegistryLimiterObserver;
  readonly #slots: Slots;
  readonly #breaker: Breaker;
  readonly #rateLimits: RateLimits;
  #retired = false;

  constructor(options: SlotOptions, { clock, random, observer }: RegistryLimiterParts) {
    this.#clock = clock;
    this.#random = random;
    this.#observer = observer;
    this.#slots = new Slots(options, clock, observer);
    this.#breaker = new Breaker(clock, random, (isOpen) => {
      if (!this.#retired) observer.broken(isOpen);
      if (isOpen) this.#slots.sendAway(() => this.#breaker.refusal());
    });
    this.#rateLimits = new RateLimits(clock);
  }

  /** To be called when another takes its place: requests under way end as they would, but its state is no longer shown. */
  retire(): void {
    if (this.#breaker.isOpen) this.#observer.broken(false);
    this.#retired = true;
  }

  /**
   * Sends a request when its turn comes, and again while that may help.
   *
   * @param account whose rate limit counts, and what takes turns with other accounts
   */
  async ask<T>(
    account: string,
    repository: string,
    attempt: ResolveAttempt,
    send: () => Promise<T>,
  ): Promise<T> {
    for (let count = 1; ; count++) {
      try {
        return await this.#sendInTurn(account, repository, attempt, send);
      } catch (error) {
        if (error instanceof RegistryError && error.unsent !== undefined) {
          this.#observer.notAsked(error.unsent.reason);
          throw error;
        }
        if (!isRetried(error)) throw error;
        const pause = backoff(error, count, this.#random);
        if (error.failure === 'rate_limited') this.#rateLimits.reached(account, error, pause);
        if (count === MAX_ATTEMPTS || !attempt.canWait(pause)) throw error;
        this.#observer.retried(error.failure);
        attempt.obstacle = error;
        await attempt.wait(this.#clock, pause);
      }
    }
  }

  async #sendInTurn<T>(
    account: string,
    repository: string,
    attempt: ResolveAttempt,
    send: () => Promise<T>,
  ): Promise<T> {
    for (;;) {
      await this.#waitForRateLimit(account, attempt);
      // With the breaker open there is no queue: one request at a time finds out whether the registry is well.
      const release = this.#breaker.isOpen ? undefined : await this.#enter(account, attempt);
      try {
        // A rate limit may have been reached while it waited in the queue.
        if (this.#rateLimits.rest(account) === undefined) return await this.#send(repository, send);
      } finally {
        release?.();
      }
    }
  }

  async #send<T>(repository: string, send: () => Promise<T>): Promise<T> {
    const admission = this.#breaker.admit(repository);
    try {
      const result = await send();
      admission.ended();
      return result;
    } catch (error) {
      admission.ended(error);
      throw error;
    }
  }

  async #waitForRateLimit(account: string, attempt: ResolveAttempt): Promise<void> {
    for (
      let rest = this.#rateLimits.rest(account);
      rest !== undefined;
      rest = this.#rateLimits.rest(account)
    ) {
      if (!attempt.canWait(rest.left)) throw rest.refusal();
      attempt.obstacle = rest.error;
      await attempt.wait(this.#clock, rest.left + STAGGER_MS * this.#random());
    }
  }

  async #enter(account: string, attempt: ResolveAttempt): Promise<() => void> {
    const before = attempt.obstacle;
    if (this.#slots.areTaken) attempt.obstacle ??= tooMany();
    const release = await this.#slots.enter(account, attempt.abandoned);
    attempt.obstacle = before;
    return release;
  }
}
