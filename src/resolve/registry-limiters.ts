import { LRUCache } from 'lru-cache';
import type { Random } from './backoff.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Asker, RegistryLimiter } from './registry-limiter.ts';
import type { ResolveAttempt } from './resolve-attempt.ts';
import type { SlotOptions } from './slots.ts';

/** More registries than are in use at the same time: images name their hosts freely. */
const MAX_REGISTRIES = 1_000;

/** Told what happens at each registry: for metrics. */
export interface RegistryLimitersObserver {
  inFlight(registry: string, change: 1 | -1): void;
  waiting(registry: string, change: 1 | -1): void;
  broken(registry: string, isOpen: boolean): void;
  retried(registry: string, reason: string): void;
  notAsked(registry: string, reason: 'busy' | 'broken' | 'rate_limited'): void;
}

export interface RegistryLimitersParts {
  clock?: Clock;
  random?: Random;
  observer?: RegistryLimitersObserver;
}

export const defaultLimits: SlotOptions = { concurrency: 16, queue: 500 };

/**
 * Limits on requests to registries: how many at once, none while a registry is down or before its rate limit ends, and
 * retries where they may help. Each registry has a limiter of its own, so that one never slows another.
 */
export class RegistryLimiters {
  readonly #limiters: LRUCache<string, RegistryLimiter>;
  readonly #createLimiter: (registry: string) => RegistryLimiter;

  constructor(options: SlotOptions = defaultLimits, parts: RegistryLimitersParts = {}) {
    const { clock = systemClock, random = Math.random, observer } = parts;
    this.#createLimiter = (registry) =>
      new RegistryLimiter(options, {
        clock,
        random,
        observer: {
          inFlight: (change) => observer?.inFlight(registry, change),
          waiting: (change) => observer?.waiting(registry, change),
          broken: (isOpen) => observer?.broken(registry, isOpen),
          retried: (reason) => observer?.retried(registry, reason),
          notAsked: (reason) => observer?.notAsked(registry, reason),
        },
      });
    this.#limiters = new LRUCache({ max: MAX_REGISTRIES, dispose: (limiter) => limiter.retire() });
  }

  /**
   * Sends a request when its turn comes; after a failure that may pass again, at most three times in all and within a few
   * seconds.
   *
   * @throws what `send` throws; RegistryError with `unsent` where nothing was sent; the reason of the attempt's signals
   */
  ask<T>(asker: Asker, attempt: ResolveAttempt, send: () => Promise<T>): Promise<T> {
    let limiter = this.#limiters.get(asker.registry);
    if (limiter === undefined) {
      limiter = this.#createLimiter(asker.registry);
      this.#limiters.set(asker.registry, limiter);
    }
    return limiter.ask(asker, attempt, send);
  }
}
