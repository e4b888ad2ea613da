import { type Clock, systemClock } from '../clock.ts';
import { type Credential, fingerprint } from '../credentials/credential.ts';
import { LONGEST_HOST } from '../credentials/registry-key.ts';
import type { Digest } from '../image/digest.ts';
import { apiHost, pullReference, type Reference } from '../image/reference.ts';
import type { RegistryClient } from '../registry/client.ts';
import { RegistryError } from '../registry/error.ts';
import { meaningOf } from '../registry/failures.ts';
import { Singleflight } from '../singleflight.ts';
import { DigestCache, type DigestCacheOptions, type Found } from './digest-cache.ts';
import { InFlightResolve } from './in-flight-resolve.ts';
import { RegistryLimiters } from './registry-limiter.ts';
import { tryCredentials } from './try-credentials.ts';

/** How long digests are good for. By default no failure is cached, and no stale digest is given. */
export type ResolverOptions = Pick<DigestCacheOptions, 'entries' | 'age'> & Partial<DigestCacheOptions>;

/** A digest, where it was found, and the credential that opened the registry; none if it was asked anonymously. */
export type Resolution = { digest: Digest; credential: Credential | undefined } & (
  | { source: 'cache' }
  /** `requests`: those that this call sent; none if it joined another's. */
  | { source: 'registry'; requests: number }
  /** The tag's digest so many milliseconds ago, because the registry can't be asked now. */
  | { source: 'stale'; age: number; error: unknown }
);

/** Told how each resolve ended: for metrics. */
export type ResolveObserver = (outcome: Resolution['source'] | 'remembered_failure' | 'failed') => void;

export interface ResolverParts {
  limits?: RegistryLimiters;
  clock?: Clock;
  observe?: ResolveObserver;
}

export interface ResolveOptions {
  /** The oldest cached digest to accept, in milliseconds, unless the registry can't be asked. */
  maxAge?: number | undefined;
  /** The namespace whose turns at the registry it takes; none at the command line. */
  tenant?: string;
}

/** The time for all credentials and retries of one resolve, however many callers wait for it. */
const RESOLVE_TIMEOUT_MS = 30_000;
/** A caller with a stale digest to fall back on isn't kept waiting longer by a registry that doesn't answer. */
const STALE_WAIT_MS = 2_000;

/**
 * Resolves tags to digests. The registry is asked once for equal requests at the same time, and its answer is cached.
 *
 * The cache's key is the image and the credentials, so no caller gets a digest that its own credentials haven't opened.
 */
export class Resolver {
  readonly #client: Pick<RegistryClient, 'resolve'>;
  readonly #limiters: RegistryLimiters;
  readonly #clock: Clock;
  readonly #observe: ResolveObserver;
  readonly #cache: DigestCache;
  readonly #flights = new Singleflight<Found>(RESOLVE_TIMEOUT_MS);
  /** Those under way, by the cache's key. */
  readonly #attempts = new Map<string, InFlightResolve>();

  constructor(client: Pick<RegistryClient, 'resolve'>, options: ResolverOptions, parts: ResolverParts = {}) {
    const { clock = systemClock, limits = new RegistryLimiters(), observe = () => undefined } = parts;
    this.#client = client;
    this.#limiters = limits;
    this.#clock = clock;
    this.#observe = observe;
    this.#cache = new DigestCache({ negativeAge: 0, staleAge: 0, ...options }, clock, Math.random);
  }

  /** How many digests are cached. */
  get cacheEntries(): number {
    return this.#cache.entries;
  }

  /**
   * The digest that the reference's tag has now, or had at most the cache's age ago. An older one is given only if the
   * registry can't be asked and the options allow it.
   *
   * @param credentials all that match the image, in the order to try them; none means anonymous
   * @throws RegistryError, or the signal's reason
   */
  async resolve(
    reference: Reference,
    credentials: readonly Credential[],
    signal: AbortSignal,
    { maxAge, tenant = '' }: ResolveOptions = {},
  ): Promise<Resolution> {
    // Hosts become keys of limiters and metrics, and the host of an image may be as long as a megabyte.
    if (reference.domain.length > LONGEST_HOST) {
      this.#observe('failed');
      throw new RegistryError('invalid_host', 'the host is longer than any name');
    }
    const key = `${pullReference(reference)} ${fingerprint(credentials)}`;
    const cached = this.#cache.fresh(key, maxAge);
    if (cached !== undefined) {
      this.#observe('cache');
      return { digest: cached.digest, credential: credentialAt(credentials, cached.opener), source: 'cache' };
    }
    const failure = this.#cache.failure(key, maxAge);
    if (failure !== undefined) {
      this.#observe('remembered_failure');
      throw failure;
    }
    try {
      const resolution = await this.#askOrFallBack(key, reference, credentials, signal, { maxAge, tenant });
      this.#observe(resolution.source);
      return resolution;
    } catch (error) {
      this.#observe('failed');
      throw error;
    }
  }

  async #askOrFallBack(
    key: string,
    reference: Reference,
    credentials: readonly Credential[],
    signal: AbortSignal,
    { maxAge, tenant }: { maxAge: number | undefined; tenant: string },
  ): Promise<Resolution> {
    // A caller that accepts no old digest prefers to wait: a slow registry isn't down.
    const canFallBack = maxAge === undefined && this.#cache.stale(key) !== undefined;
    using limit = canFallBack ? this.#limitWait(signal) : undefined;
    try {
      const { digest, opener, requests } = await this.#ask(
        key,
        reference,
        credentials,
        limit?.signal ?? signal,
        tenant,
      );
      return { digest, credential: credentialAt(credentials, opener), source: 'registry', requests };
    } catch (error) {
      const stale = allowsStale(error) ? this.#cache.stale(key) : undefined;
      if (stale === undefined) throw error;
      const { digest, opener, age } = stale;
      return { digest, credential: credentialAt(credentials, opener), source: 'stale', age, error };
    }
  }

  /** A signal that aborts with the caller's, and after STALE_WAIT_MS. */
  #limitWait(signal: AbortSignal): { signal: AbortSignal } & Disposable {
    const controller = new AbortController();
    const cancel = this.#clock.after(STALE_WAIT_MS, () =>
      controller.abort(new DOMException('no answer in time', 'TimeoutError')),
    );
    return { signal: AbortSignal.any([signal, controller.signal]), [Symbol.dispose]: cancel };
  }

  /** Asks the registry, or joins the inFlight that does. */
  async #ask(
    key: string,
    reference: Reference,
    credentials: readonly Credential[],
    signal: AbortSignal,
    tenant: string,
  ): Promise<Found & { requests: number }> {
    const own = new Set<InFlightResolve>();
    let inFlight: InFlightResolve | undefined;
    try {
      const outcome = this.#flights.join(key, signal, (flightSignal, abandoned) => {
        const started = new InFlightResolve(flightSignal, abandoned, tenant);
        own.add(started);
        return this.#inFlight(key, reference, credentials, started);
      });
      inFlight = this.#attempts.get(key);
      inFlight?.join(tenant);
      const found = await outcome;
      return { ...found, requests: [...own].reduce((sum, { requests }) => sum + requests, 0) };
    } catch (error) {
      // When the deadline ends, what the inFlight was waiting for tells more than that.
      throw signal.aborted ? (inFlight?.obstacle ?? error) : error;
    }
  }

  async #inFlight(
    key: string,
    reference: Reference,
    credentials: readonly Credential[],
    inFlight: InFlightResolve,
  ): Promise<Found> {
    this.#attempts.set(key, inFlight);
    try {
      const found = await this.#tryEach(reference, credentials, inFlight);
      this.#cache.found(key, found);
      return found;
    } catch (error) {
      this.#cache.failed(key, error);
      throw error;
    } finally {
      this.#attempts.delete(key);
    }
  }

  /** Tries each credential in turn. */
  #tryEach(
    reference: Reference,
    credentials: readonly Credential[],
    inFlight: InFlightResolve,
  ): Promise<Found> {
    const registry = apiHost(reference.domain) ?? reference.domain;
    return tryCredentials(credentials, async (credential, opener) => {
      const account = fingerprint(credential === undefined ? [] : [credential]);
      const asker = { registry, account, repository: reference.path };
      const { digest } = await this.#limiters.ask(asker, inFlight, () =>
        this.#client.resolve(reference, credential, inFlight.signal, () => inFlight.requests++),
      );
      return { digest, opener };
    });
  }
}

/** The caller's own credential: equal ones may come from different places. */
const credentialAt = (credentials: readonly Credential[], opener: number | undefined) =>
  opener === undefined ? undefined : credentials[opener];

/** Whether an error leaves open what the registry would have answered. */
function allowsStale(error: unknown): boolean {
  if (error instanceof RegistryError) return meaningOf(error.failure).staleAllowed;
  return error instanceof DOMException && error.name === 'TimeoutError';
}
