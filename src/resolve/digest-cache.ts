import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import type { Digest } from '../image/digest.ts';
import { RegistryError } from '../registry/error.ts';
import { meaningOf } from '../registry/failures.ts';
import { type Random, spread } from './backoff.ts';

export interface DigestCacheOptions {
  /** How many digests are kept. */
  entries: number;
  /** Milliseconds after which a tag is resolved again. */
  age: number;
  /** Milliseconds for which a registry's failure is cached, a quarter more or less; 0 for none. */
  negativeAge: number;
  /** Milliseconds beyond its age for which a digest may stand in while the registry is down; 0 for none. */
  staleAge: number;
}

/** What a registry answered. */
export interface Found {
  digest: Digest;
  /** The index of the accepted credential in the list of those tried; undefined if anonymous. */
  opener: number | undefined;
}

/** The maximum of cached failures: missing tags and refused credentials. */
const MAX_FAILURES = 1_000;

/** The recent answers of registries. The caller's key holds the credentials, so an answer is given for no others. */
export class DigestCache {
  readonly #options: DigestCacheOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #found: LRUCache<string, Found & { at: number }>;
  readonly #failed = new LRUCache<string, { error: RegistryError; at: number; until: number }>({
    max: MAX_FAILURES,
  });

  constructor(options: DigestCacheOptions, clock: Clock, random: Random) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#found = new LRUCache({ max: options.entries });
  }

  /** How many digests are kept, whatever their age. */
  get entries(): number {
    return this.#found.size;
  }

  found(key: string, { digest, opener }: Found): void {
    this.#found.set(key, { digest, opener, at: this.#clock.elapsed() });
    this.#failed.delete(key);
  }

  failed(key: string, error: unknown): void {
    if (!(error instanceof RegistryError) || !meaningOf(error.failure).cached) return;
    // The registry has answered, so the older digest must no longer be served as stale.
    this.#found.delete(key);
    if (this.#options.negativeAge === 0) return;
    const age = spread(this.#options.negativeAge, this.#random);
    const at = this.#clock.elapsed();
    this.#failed.set(key, { error, at, until: at + age });
  }

  /** The digest, if it is younger than the cache's age and than `maxAge`. */
  fresh(key: string, maxAge = Number.POSITIVE_INFINITY): Found | undefined {
    const entry = this.#found.get(key);
    const limit = Math.min(maxAge, this.#options.age);
    return entry !== undefined && this.#ageOf(entry) < limit ? entry : undefined;
  }

  /** The digest, if it is young enough to stand in for a registry that is down, and its age in milliseconds. */
  stale(key: string): (Found & { age: number }) | undefined {
    const { age, staleAge } = this.#options;
    const entry = this.#found.get(key);
    if (entry === undefined) return undefined;
    const { digest, opener } = entry;
    if (this.#ageOf(entry) < age + staleAge) return { digest, opener, age: this.#ageOf(entry) };
    this.#found.delete(key);
    return undefined;
  }

  /** The registry's failure, if it is recent and younger than `maxAge`. */
  failure(key: string, maxAge = Number.POSITIVE_INFINITY): RegistryError | undefined {
    const entry = this.#failed.get(key);
    if (entry === undefined || this.#ageOf(entry) >= maxAge) return undefined;
    return this.#clock.elapsed() < entry.until ? entry.error : undefined;
  }

  #ageOf({ at }: { at: number }): number {
    return this.#clock.elapsed() - at;
  }
}
