import { RegistryError } from '../registry/error.ts';
import { backoff, isPassing, MAX_ATTEMPTS, type Random } from './backoff.ts';
import { Breaker } from './breaker.ts';
import type { Clock } from './clock.ts';
import { NotAsked } from './not-asked.ts';
import { RateLimits } from './rate-limits.ts';
import type { Errand } from './resolve-attempt.ts';
import { type SlotOptions, Slots, tooMany } from './slots.ts';

/** After a rest those who waited for its end come back within this, not all at once. */
const STAGGER_MS = 100;

/** Told of what happens on a lane: for metrics. */
export interface RegistryLimiterObserver {
  inFlight(change: 1 | -1): void;
  waiting(change: 1 | -1): void;
  /** It is taken to be down, or no longer. */
  broken(isOpen: boolean): void;
  retried(reason: string): void;
  /** A resolve failed without a request. */
  notAsked(reason: 'busy' | 'broken' | 'rate_limited'): void;
}

export interface RegistryLimiterParts {
  clock: Clock;
  random: Random;
  observer: RegistryLimiterObserver;
}

/** The way to one registry: its slots, its breaker, its rate limits. What happens on it is no matter of the others. */
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

  /** To be called when another takes its place: who is still on it arrives, but it is no longer spoken of. */
  retire(): void {
    if (this.#breaker.isOpen) this.#observer.broken(false);
    this.#retired = true;
  }

  /**
   * Does `work` when it is its turn, and again while that may help.
   *
   * @param account whose rate limit counts, and who takes turns with others
   */
  async ask<T>(account: string, repository: string, errand: Errand, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#askOnce(account, repository, errand, work);
      } catch (error) {
        if (error instanceof NotAsked) this.#observer.notAsked(error.reason);
        else if (error instanceof RegistryError && error.failure === 'busy') this.#observer.notAsked('busy');
        if (error instanceof NotAsked || !isPassing(error)) throw error;
        const pause = backoff(error, attempt, this.#random);
        if (error.failure === 'rate_limited') this.#rateLimits.reached(account, error, pause);
        if (attempt === MAX_ATTEMPTS || !errand.canWait(pause)) throw error;
        this.#observer.retried(error.failure);
        errand.obstacle = error;
        await errand.wait(this.#clock, pause);
      }
    }
  }

  async #askOnce<T>(account: string, repository: string, errand: Errand, work: () => Promise<T>): Promise<T> {
    for (;;) {
      await this.#rest(account, errand);
      // A registry that is down has no queue: one at a time finds out whether it is well, whatever its slots hold.
      const leave = this.#breaker.isOpen ? undefined : await this.#enter(account, errand);
      try {
        // In the queue time has passed.
        if (this.#rateLimits.rest(account) === undefined) return await this.#try(repository, work);
      } finally {
        leave?.();
      }
    }
  }

  async #try<T>(repository: string, work: () => Promise<T>): Promise<T> {
    const admission = this.#breaker.admit(repository);
    try {
      const result = await work();
      admission.ended();
      return result;
    } catch (error) {
      admission.ended(error);
      throw error;
    }
  }

  /** Waits for the end of a rate limit, if that is near. */
  async #rest(account: string, errand: Errand): Promise<void> {
    for (
      let rest = this.#rateLimits.rest(account);
      rest !== undefined;
      rest = this.#rateLimits.rest(account)
    ) {
      if (!errand.canWait(rest.left)) throw rest.refusal();
      errand.obstacle = rest.error;
      await errand.wait(this.#clock, rest.left + STAGGER_MS * this.#random());
    }
  }

  async #enter(account: string, errand: Errand): Promise<() => void> {
    const before = errand.obstacle;
    if (this.#slots.areTaken) errand.obstacle ??= tooMany();
    const leave = await this.#slots.enter(account, errand.wanted);
    errand.obstacle = before;
    return leave;
  }
}
