import { LRUCache } from 'lru-cache';
import { type Credential, fingerprint } from '../credentials/credential.ts';
import { Flights } from '../flight.ts';
import type { Digest } from '../image/digest.ts';
import { pullReference, type Reference } from '../image/reference.ts';
import type { RegistryClient } from '../registry/client.ts';
import { RegistryError, type RegistryFailure } from '../registry/error.ts';

export interface ResolverOptions {
  /** How many digests are kept. */
  entries: number;
  /** Milliseconds after which a tag is asked for again. */
  age: number;
}

/** A digest, and where it was found. */
export interface Resolution {
  digest: Digest;
  source: 'cache' | 'registry';
}

/** A registry gets so long to answer, all credentials and repetitions included, whoever is still waiting. */
const RESOLVE_TIMEOUT_MS = 30_000;

/**
 * From tag to digest, asking the registry once for what is wanted at the same time or has just been answered.
 *
 * A digest is known by the image together with the credentials it was resolved with: knowing that somebody else may
 * pull an image gives nobody its digest.
 */
export class Resolver {
  readonly #client: Pick<RegistryClient, 'resolve'>;
  readonly #digests: LRUCache<string, Digest>;
  readonly #flights = new Flights<Digest>(RESOLVE_TIMEOUT_MS);

  constructor(client: Pick<RegistryClient, 'resolve'>, { entries, age }: ResolverOptions) {
    this.#client = client;
    this.#digests = new LRUCache({ max: entries, ttl: age });
  }

  /**
   * The digest that the reference's tag has now, or had at most the cache's age ago, for whoever has `credentials`:
   * all those that match the image, in order; none means anonymous.
   *
   * @throws RegistryError, or the signal's reason
   */
  async resolve(
    reference: Reference,
    credentials: readonly Credential[],
    signal: AbortSignal,
  ): Promise<Resolution> {
    const key = `${pullReference(reference)} ${fingerprint(credentials)}`;
    const known = this.#digests.get(key);
    if (known !== undefined) return { digest: known, source: 'cache' };
    const digest = await this.#flights.join(key, signal, async (flightSignal) => {
      const found = await this.#tryEach(reference, credentials, flightSignal);
      this.#digests.set(key, found);
      return found;
    });
    return { digest, source: 'registry' };
  }

  /**
   * The kubelet tries each matching credential in turn and, having any, never pulls anonymously
   * (kubernetes pkg/kubelet/images/image_manager.go). So does this, or it could pin what no node can pull.
   */
  async #tryEach(
    reference: Reference,
    credentials: readonly Credential[],
    signal: AbortSignal,
  ): Promise<Digest> {
    const errors: RegistryError[] = [];
    for (const credential of credentials.length > 0 ? credentials : [undefined]) {
      try {
        return (await this.#client.resolve(reference, credential, signal)).digest;
      } catch (error) {
        if (!(error instanceof RegistryError)) throw error;
        errors.push(error);
        if (!dependsOnCredential.has(error.failure)) break;
      }
    }
    throw mostTelling(errors);
  }
}

/** Failures after which another credential may do better. An unreachable host stays so for all of them. */
const dependsOnCredential: ReadonlySet<RegistryFailure> = new Set<RegistryFailure>([
  'unauthorized',
  'denied',
  'not_found',
  'rate_limited',
  'status',
  'no_token',
  'invalid_token',
  'bad_body',
]);

/** Who got in and found nothing knows more than who wasn't let in. */
function mostTelling(errors: RegistryError[]): RegistryError | undefined {
  return errors.find(({ failure }) => failure !== 'unauthorized') ?? errors.at(-1);
}
