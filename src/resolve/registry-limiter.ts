import { LRUCache } from 'lru-cache';
import { type Clock, systemClock } from '../clock.ts';
import { apiHost } from '../image/reference.ts';
import { RegistryError, type Unsent } from '../registry/error.ts';
import { backoff, isRetried, MAX_ATTEMPTS, type Random } from './backoff.ts';
import { Breaker } from './breaker.ts';
import type { InFlightResolve } from './in-flight-resolve.ts';
import { RateLimits } from './rate-limits.ts';
import { SHARE, type SlotOptions, Slots, tooMany } from './slots.ts';

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

/** What a resolve that waits for a slot says when its time is over. */
const waits = tooMany();

/** Which registry is asked for what, and on whose account. */
export interface Asker {
  /** The registry's host. */
  registry: string;
  /** An opaque name of the credential. */
  account: string;
  repository: string;
}

export interface RegistryLimiterParts {
  clock: Clock;
  random: Random;
  observer: RegistryLimiterObserver;
  /** The slots of all registries together, taken after the registry's own. */
  inAll: Slots;
}

/** The limits of one registry, independent of any other's: its slots, its circuit breaker, its rate limits, its retries. */
export class RegistryLimiter {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #observer: RegistryLimiterObserver;
  readonly #slots: Slots;
  readonly #inAll: Slots;
  readonly #breaker: Breaker;
  readonly #rateLimits: RateLimits;
  #retired = false;

  constructor(options: SlotOptions, { clock, random, observer, inAll }: RegistryLimiterParts) {
    this.#clock = clock;
    this.#random = random;
    this.#observer = observer;
    this.#slots = new Slots({ ...options, share: SHARE }, clock, observer);
    this.#inAll = inAll;
    this.#breaker = new Breaker(clock, random, (isOpen) => {
      if (!this.#retired) observer.broken(isOpen);
      if (isOpen) this.#slots.sendAway();
    });
    this.#rateLimits = new RateLimits(clock);
  }

  /** To be called when it is evicted: requests in flight continue, but its state is no longer reported. */
  retire(): void {
    if (this.#breaker.isOpen) this.#observer.broken(false);
    this.#retired = true;
  }

  /** Sends a request when its turn comes, and again while that may help. */
  async ask<T>(asker: Asker, inFlight: InFlightResolve, send: () => Promise<T>): Promise<T> {
    for (let count = 1; ; count++) {
      try {
        return await this.#sendInTurn(asker, inFlight, send);
      } catch (error) {
        if (error instanceof RegistryError && error.unsent !== undefined) {
          this.#observer.notAsked(error.unsent.reason);
          throw error;
        }
        if (!isRetried(error)) throw error;
        const pause = backoff(error, count, this.#random);
        if (error.failure === 'rate_limited') this.#rateLimits.reached(rateKeyOf(asker), error, pause);
        if (count === MAX_ATTEMPTS || !inFlight.canWait(pause)) throw error;
        this.#observer.retried(error.failure);
        inFlight.obstacle = error;
        await inFlight.wait(this.#clock, pause);
      }
    }
  }

  async #sendInTurn<T>(asker: Asker, inFlight: InFlightResolve, send: () => Promise<T>): Promise<T> {
    for (;;) {
      await this.#waitForRateLimit(asker, inFlight);
      // While the host is considered down, its slots may all be held by requests that it doesn't answer.
      const isTried = this.#breaker.isOpen;
      const release = isTried ? () => undefined : await this.#enter(this.#slots, asker, inFlight);
      if (release === undefined) continue;
      try {
        const releaseInAll = await this.#enter(this.#inAll, asker, inFlight);
        try {
          // The breaker may have opened, or a rate limit may have been reached, while it waited in the queues.
          if (this.#rateLimits.rest(rateKeyOf(asker)) !== undefined) continue;
          return await this.#send(asker, inFlight, send);
        } finally {
          releaseInAll?.();
        }
      } finally {
        release();
      }
    }
  }

  async #send<T>(
    { account, repository }: Asker,
    { tenants, abandoned }: InFlightResolve,
    send: () => Promise<T>,
  ): Promise<T> {
    const [tenant = ''] = tenants;
    const subject = { account, repository, tenant };
    await this.#breaker.awaitTrial(subject, abandoned);
    const admission = this.#breaker.admit(subject);
    try {
      const result = await send();
      admission.ended();
      return result;
    } catch (error) {
      admission.ended(error);
      throw error;
    }
  }

  async #waitForRateLimit(asker: Asker, inFlight: InFlightResolve): Promise<void> {
    const key = rateKeyOf(asker);
    for (let rest = this.#rateLimits.rest(key); rest !== undefined; rest = this.#rateLimits.rest(key)) {
      if (!inFlight.canWait(rest.left)) throw rest.refusal();
      inFlight.obstacle = rest.error;
      await inFlight.wait(this.#clock, rest.left + STAGGER_MS * this.#random());
    }
  }

  async #enter(slots: Slots, { account }: Asker, inFlight: InFlightResolve) {
    const before = inFlight.obstacle;
    if (slots.mustWait(inFlight.tenants)) inFlight.obstacle ??= waits;
    const release = await slots.enter(inFlight, account);
    inFlight.obstacle = before;
    return release;
  }
}

/**
 * What a rate limit is for. Docker Hub counts by account, or by address without one. Elsewhere a 429 may be a proxied
 * upstream's, and concerns no other repository.
 */
function rateKeyOf({ registry, account, repository }: Asker): string {
  return registry === DOCKER_HUB ? account : `${account} ${repository}`;
}

const DOCKER_HUB = apiHost('docker.io');

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
 * The slots of all registries together, in those of one. An image names its host freely, so the slots of each registry
 * alone don't bound what one namespace has this process do. It may use those of two registries; a dead one, which keeps
 * its slots until a request is slow, leaves enough for the others.
 */
const REGISTRIES_IN_ALL = 4;
const REGISTRIES_OF_ONE = 2;

const unobserved = { inFlight: () => undefined, waiting: () => undefined };

/**
 * Limits on requests to registries: how many at once, none while a registry is down or before its rate limit ends, and
 * retries where they may help. Each registry has a limiter of its own, so that one never slows another; what one namespace
 * asks of all of them together is bounded too.
 */
export class RegistryLimiters {
  readonly #limiters: LRUCache<string, RegistryLimiter>;
  readonly #createLimiter: (registry: string) => RegistryLimiter;

  constructor(options: SlotOptions = defaultLimits, parts: RegistryLimitersParts = {}) {
    const { clock = systemClock, random = Math.random, observer } = parts;
    const inAll = new Slots(
      {
        concurrency: options.concurrency * REGISTRIES_IN_ALL,
        queue: options.queue * REGISTRIES_IN_ALL,
        share: (SHARE * REGISTRIES_OF_ONE) / REGISTRIES_IN_ALL,
      },
      clock,
      unobserved,
    );
    this.#createLimiter = (registry) =>
      new RegistryLimiter(options, {
        clock,
        random,
        inAll,
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
   * @throws what `send` throws; RegistryError with `unsent` where nothing was sent; the reason of the resolve's signals
   */
  ask<T>(asker: Asker, inFlight: InFlightResolve, send: () => Promise<T>): Promise<T> {
    let limiter = this.#limiters.get(asker.registry);
    if (limiter === undefined) {
      limiter = this.#createLimiter(asker.registry);
      this.#limiters.set(asker.registry, limiter);
    }
    return limiter.ask(asker, inFlight, send);
  }
}
