import { LRUCache } from 'lru-cache';
import type { Random } from './backoff.ts';
import { type Clock, systemClock } from './clock.ts';
import { RegistryLimiter } from './registry-limiter.ts';
import type { Errand } from './resolve-attempt.ts';
import type { SlotOptions } from './slots.ts';

/** As many registries as are in use at the same time, and then some: hosts come from whatever images people write. */
const MAX_LANES = 1_000;

/** Who asks whom, and for what. */
export interface Asker {
  /** The registry's host. */
  registry: string;
  /** Whose rate limit counts, and who takes turns with others: an opaque name of the credential. */
  account: string;
  repository: string;
}

/** Told, by registry, of what happens: for metrics. */
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
 * How registries are asked: not too much at once, not again and again while they are down, not before they want to
 * be, and again when that may help. Each registry has a lane of its own, so that one never slows another.
 */
export class RegistryLimiters {
  readonly #lanes: LRUCache<string, RegistryLimiter>;
  readonly #makeLane: (registry: string) => RegistryLimiter;

  constructor(options: SlotOptions = defaultLimits, parts: RegistryLimitersParts = {}) {
    const { clock = systemClock, random = Math.random, observer } = parts;
    this.#makeLane = (registry) =>
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
    this.#lanes = new LRUCache({ max: MAX_LANES, dispose: (lane) => lane.retire() });
  }

  /**
   * Does `work`, which asks the registry, when it is its turn; and again, at most three times in all and within a
   * few seconds, after a failure that may pass.
   *
   * @throws what `work` throws; RegistryError `busy`; NotAsked where the registry has just failed; the reason of the
   * errand's signals
   */
  ask<T>(asker: Asker, errand: Errand, work: () => Promise<T>): Promise<T> {
    let lane = this.#lanes.get(asker.registry);
    if (lane === undefined) {
      lane = this.#makeLane(asker.registry);
      this.#lanes.set(asker.registry, lane);
    }
    return lane.ask(asker.account, asker.repository, errand, work);
  }
}
