import { LRUCache } from 'lru-cache';
import type { Digest } from '../image/digest.ts';
import { RegistryError, type RegistryFailure } from '../registry/error.ts';
import { type Random, spread } from './backoff.ts';
import type { Clock } from './clock.ts';

export interface DigestCacheOptions {
  /** How many digests are kept. */
  entries: number;
  /** Milliseconds after which a tag is asked for again. */
  age: number;
  /** Milliseconds for which a registry's no is taken for an answer, more or less; 0 for none. */
  negativeAge: number;
  /** Milliseconds beyond its age for which a digest may stand in while the registry is down; 0 for none. */
  staleAge: number;
}

/** Each names a tag that isn't there, or that somebody may not have: nobody is in need of more. */
const MAX_FAILURES = 1_000;

/** What says something of the image and the credentials, and will be said again in a moment. */
const lasting: ReadonlySet<RegistryFailure> = new Set<RegistryFailure>([
  'not_found',
  'unauthorized',
  'denied',
]);

/** What registries have answered lately. Keys say for whose credentials: an answer is for no others. */
export class DigestCache {
  readonly #options: DigestCacheOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #found: LRUCache<string, { digest: Digest; at: number }>;
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

  found(key: string, digest: Digest): void {
    this.#found.set(key, { digest, at: this.#clock.now() });
    this.#failed.delete(key);
  }

  failed(key: string, error: unknown): void {
    if (!(error instanceof RegistryError) || !lasting.has(error.failure)) return;
    // The registry knows better now: what it said before is no longer to be used in its stead.
    this.#found.delete(key);
    if (this.#options.negativeAge === 0) return;
    const age = spread(this.#options.negativeAge, this.#random);
    const at = this.#clock.now();
    this.#failed.set(key, { error, at, until: at + age });
  }

  /** The digest, if it is young enough to be believed by somebody who believes nothing older than `maxAge`. */
  fresh(key: string, maxAge = Number.POSITIVE_INFINITY): Digest | undefined {
    const known = this.#found.get(key);
    const limit = Math.min(maxAge, this.#options.age);
    return known !== undefined && this.#ageOf(known) < limit ? known.digest : undefined;
  }

  /** The digest, if it is young enough to stand in for a registry that is down, and its age in milliseconds. */
  stale(key: string): { digest: Digest; age: number } | undefined {
    const { age, staleAge } = this.#options;
    const known = this.#found.get(key);
    if (known === undefined) return undefined;
    if (this.#ageOf(known) < age + staleAge) return { digest: known.digest, age: this.#ageOf(known) };
    this.#found.delete(key);
    return undefined;
  }

  /** The registry's no, if it is recent, and no older than `maxAge`. */
  failure(key: string, maxAge = Number.POSITIVE_INFINITY): RegistryError | undefined {
    const known = this.#failed.get(key);
    if (known === undefined || this.#ageOf(known) >= maxAge) return undefined;
    return this.#clock.now() < known.until ? known.error : undefined;
  }

  #ageOf({ at }: { at: number }): number {
    return this.#clock.now() - at;
  }
}
