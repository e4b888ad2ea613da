import { type Credential, fingerprint } from '../credentials/credential.ts';
import type { CredentialSources, FoundCredentials } from '../credentials/credential-sources.ts';
import type { Digest } from '../image/digest.ts';
import { apiHost, parseReference, type Reference } from '../image/reference.ts';
import { RegistryError } from '../registry/error.ts';
import type {
  Manifest,
  NewManifest,
  OriginClient,
  OriginRequest,
  SizedDescriptor,
} from '../registry/origin.ts';
import { InFlightResolve } from '../resolve/in-flight-resolve.ts';
import type { RegistryLimiters } from '../resolve/registry-limiter.ts';
import { tryCredentials } from '../resolve/try-credentials.ts';

/** What repositories are asked with. */
export interface Access {
  origin: OriginClient;
  limiters: RegistryLimiters;
  /** Of whoever may push. */
  credentials: Pick<CredentialSources, 'find'>;
  /** Ends all requests. */
  signal: AbortSignal;
}

/** The time for one request, including its token. */
const REQUEST_TIMEOUT_MS = 30_000;
/** How long a request may wait for a registry's rate limit, because nobody waits for it. */
const PATIENCE_MS = 120_000;

/** A repository at its own registry, where each request waits for its turn. What isn't there is undefined. */
export class Repository {
  /** `docker.io/library/nginx` */
  readonly name: string;
  readonly #access: Access;
  #credentials: Promise<FoundCredentials> | undefined;

  constructor(name: string, access: Access) {
    this.name = name;
    this.#access = access;
  }

  /** @throws RegistryError, CredentialError, or the signal's reason; as do the others */
  describe(named: { digest: Digest } | { tag: string }): Promise<SizedDescriptor | undefined> {
    return orUndefined(
      this.#ask(named, (reference, request) => this.#access.origin.describe(reference, request)),
    );
  }

  read(named: { digest: Digest } | { tag: string }): Promise<Manifest | undefined> {
    return orUndefined(
      this.#ask(named, (reference, request) => this.#access.origin.read(reference, request)),
    );
  }

  tags(): Promise<string[]> {
    return this.#ask({}, (reference, request) => this.#access.origin.tags(reference, request));
  }

  async push(tag: string, manifest: NewManifest): Promise<void> {
    await this.#ask({ tag }, (reference, request) => this.#access.origin.push(reference, manifest, request));
  }

  /** The credentials that were tried. */
  async credentials(): Promise<FoundCredentials> {
    this.#credentials ??= this.#access.credentials.find(this.name, undefined, this.#access.signal);
    return this.#credentials;
  }

  async #ask<T>(
    named: Pick<Reference, 'tag' | 'digest'>,
    send: (reference: Reference, request: OriginRequest) => Promise<T>,
  ): Promise<T> {
    const { limiters, signal } = this.#access;
    const reference = { ...parseReference(this.name), ...named };
    const { credentials } = await this.credentials();
    return tryCredentials(credentials, (credential: Credential | undefined) => {
      const asker = {
        registry: apiHost(reference.domain) ?? reference.domain,
        account: fingerprint(credential === undefined ? [] : [credential]),
        repository: reference.path,
      };
      const inFlight = new InFlightResolve(signal, signal, '', PATIENCE_MS);
      return limiters.ask(asker, inFlight, () => {
        const deadline = AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]);
        return send(reference, { credential, signal: deadline });
      });
    });
  }
}

async function orUndefined<T>(asking: Promise<T>): Promise<T | undefined> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof RegistryError && error.failure === 'not_found') return undefined;
    throw error;
  }
}
