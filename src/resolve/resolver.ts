import { type Credential, fingerprint } from '../credentials/credential.ts';
import { LONGEST_HOST } from '../credentials/registry-key.ts';
import type { Digest } from '../image/digest.ts';
import { apiHost, pullReference, type Reference } from '../image/reference.ts';
import type { RegistryClient } from '../registry/client.ts';
import { RegistryError, type RegistryFailure } from '../registry/error.ts';
import { Singleflight } from '../singleflight.ts';
import { type Clock, systemClock } from './clock.ts';
import { DigestCache, type DigestCacheOptions } from './digest-cache.ts';
import { RegistryLimiters } from './registry-limiters.ts';
import { Errand } from './resolve-attempt.ts';

/** How long answers are good for. Without more said, a no is asked for again, and nothing stale is given. */
export type ResolverOptions = Pick<DigestCacheOptions, 'entries' | 'age'> & Partial<DigestCacheOptions>;

/** A digest, and where it was found. */
export type Resolution =
  | { digest: Digest; source: 'cache' | 'registry' }
  /** It was the tag's so many milliseconds ago, and the registry can't be asked now. */
  | { digest: Digest; source: 'stale'; age: number; error: unknown };

/** Told how each resolve came out: for metrics. */
export type ResolveObserver = (outcome: Resolution['source'] | 'remembered_failure' | 'failed') => void;

export interface ResolverParts {
  limits?: RegistryLimiters;
  clock?: Clock;
  observe?: ResolveObserver;
}

/** A registry gets so long to answer, all credentials and repetitions included, whoever is still waiting. */
const RESOLVE_TIMEOUT_MS = 30_000;
/** Who has a stale answer to fall back on isn't kept waiting to his deadline by a registry that says nothing. */
const STALE_WAIT_MS = 2_000;

/**
 * From tag to digest, asking the registry once for what is wanted at the same time or has just been answered.
 *
 * An answer is known by the image together with the credentials it was got with: knowing that somebody else may pull
 * an image gives nobody its digest.
 */
export class Resolver {
  readonly #client: Pick<RegistryClient, 'resolve'>;
  readonly #limits: RegistryLimiters;
  readonly #clock: Clock;
  readonly #observe: ResolveObserver;
  readonly #answers: DigestCache;
  readonly #flights = new Singleflight<Digest>(RESOLVE_TIMEOUT_MS);
  /** By key, as the flights. */
  readonly #errands = new Map<string, Errand>();

  constructor(client: Pick<RegistryClient, 'resolve'>, options: ResolverOptions, parts: ResolverParts = {}) {
    const { clock = systemClock, limits = new RegistryLimiters(), observe = () => undefined } = parts;
    this.#client = client;
    this.#limits = limits;
    this.#clock = clock;
    this.#observe = observe;
    this.#answers = new DigestCache({ negativeAge: 0, staleAge: 0, ...options }, clock, Math.random);
  }

  /** How many digests the cache holds. */
  get cacheEntries(): number {
    return this.#answers.entries;
  }

  /**
   * The digest that the reference's tag has now, or had at most the cache's age ago, for whoever has `credentials`:
   * all those that match the image, in order; none means anonymous. An older one only if the registry can't be asked
   * and the options allow it.
   *
   * @param maxAge milliseconds; for who wants nothing older, but if the registry can't be asked
   * @throws RegistryError, or the signal's reason
   */
  async resolve(
    reference: Reference,
    credentials: readonly Credential[],
    signal: AbortSignal,
    { maxAge }: { maxAge?: number | undefined } = {},
  ): Promise<Resolution> {
    // Hosts are kept, by limits and by metrics, and an image may write one of a megabyte.
    if (reference.domain.length > LONGEST_HOST) {
      this.#observe('failed');
      throw new RegistryError('invalid_host', 'the host is longer than any name');
    }
    const key = `${pullReference(reference)} ${fingerprint(credentials)}`;
    const known = this.#answers.fresh(key, maxAge);
    if (known !== undefined) {
      this.#observe('cache');
      return { digest: known, source: 'cache' };
    }
    const refusal = this.#answers.failure(key, maxAge);
    if (refusal !== undefined) {
      this.#observe('remembered_failure');
      throw refusal;
    }
    const resolution = await this.#askOrFallBack(key, reference, credentials, signal, maxAge).catch(
      (error: unknown) => {
        this.#observe('failed');
        throw error;
      },
    );
    this.#observe(resolution.source);
    return resolution;
  }

  async #askOrFallBack(
    key: string,
    reference: Reference,
    credentials: readonly Credential[],
    signal: AbortSignal,
    maxAge: number | undefined,
  ): Promise<Resolution> {
    // Who asks for what is true now prefers to wait: a slow registry isn't one that is down.
    const fallback = maxAge === undefined && this.#answers.stale(key) !== undefined;
    const limit = fallback ? this.#limitWait(signal) : { signal, [Symbol.dispose]: () => undefined };
    try {
      using _ = limit;
      return { digest: await this.#ask(key, reference, credentials, limit.signal), source: 'registry' };
    } catch (error) {
      const stale = mayBeDown(error) ? this.#answers.stale(key) : undefined;
      if (stale === undefined) throw error;
      return { ...stale, source: 'stale', error };
    }
  }

  /** A signal that aborts with the caller's, or when he has waited for long enough. */
  #limitWait(signal: AbortSignal): { signal: AbortSignal } & Disposable {
    const controller = new AbortController();
    const cancel = this.#clock.after(STALE_WAIT_MS, () =>
      controller.abort(new DOMException('no answer in time', 'TimeoutError')),
    );
    return { signal: AbortSignal.any([signal, controller.signal]), [Symbol.dispose]: cancel };
  }

  /** Asks the registry, together with all who want to know the same. */
  async #ask(
    key: string,
    reference: Reference,
    credentials: readonly Credential[],
    signal: AbortSignal,
  ): Promise<Digest> {
    let errand: Errand | undefined;
    try {
      const outcome = this.#flights.join(key, signal, async (flightSignal, wanted) => {
        const own = new Errand(flightSignal, wanted);
        this.#errands.set(key, own);
        try {
          const digest = await this.#tryEach(reference, credentials, own);
          this.#answers.found(key, digest);
          return digest;
        } catch (error) {
          this.#answers.failed(key, error);
          throw error;
        } finally {
          this.#errands.delete(key);
        }
      });
      errand = this.#errands.get(key);
      return await outcome;
    } catch (error) {
      // Out of time: what it was waiting for tells more than that.
      throw signal.aborted ? (errand?.obstacle ?? error) : error;
    }
  }

  /**
   * The kubelet tries each matching credential in turn and, having any, never pulls anonymously
   * (kubernetes pkg/kubelet/images/image_manager.go). So does this, or it could pin what no node can pull.
   */
  async #tryEach(reference: Reference, credentials: readonly Credential[], errand: Errand): Promise<Digest> {
    const registry = apiHost(reference.domain) ?? reference.domain;
    const errors: RegistryError[] = [];
    for (const credential of credentials.length > 0 ? credentials : [undefined]) {
      const account = fingerprint(credential === undefined ? [] : [credential]);
      try {
        const asker = { registry, account, repository: reference.path };
        const ask = () => this.#client.resolve(reference, credential, errand.signal);
        return (await this.#limits.ask(asker, errand, ask)).digest;
      } catch (error) {
        if (!(error instanceof RegistryError)) throw error;
        errors.push(error);
        if (sameForAll.has(error.failure)) break;
      }
    }
    throw mostTelling(errors);
  }
}

/**
 * Failures that are no credential's: the host stays out of reach for all of them. After any other the next is tried,
 * as by the kubelet: a registry may meet one with a login page or an error of its own.
 */
const sameForAll: ReadonlySet<RegistryFailure> = new Set<RegistryFailure>([
  'busy',
  'timeout',
  'network',
  'untrusted',
  'invalid_host',
]);

/** Who got in and found nothing knows more than who wasn't let in. */
function mostTelling(errors: RegistryError[]): RegistryError | undefined {
  return errors.find(({ failure }) => failure !== 'unauthorized') ?? errors.at(-1);
}

const down: ReadonlySet<RegistryFailure> = new Set<RegistryFailure>([
  'timeout',
  'network',
  'unavailable',
  'rate_limited',
  'busy',
]);

/** Whether an error leaves open what the registry would have said. A no of its own never does. */
function mayBeDown(error: unknown): boolean {
  if (error instanceof RegistryError) return down.has(error.failure);
  return error instanceof DOMException && error.name === 'TimeoutError';
}
