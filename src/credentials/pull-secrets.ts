import { LRUCache } from 'lru-cache';
import { answered } from '../kubernetes/answered.ts';
import type { KubernetesApi, Secret, ServiceAccount } from '../kubernetes/api.ts';
import { pathOf, resources } from '../kubernetes/resources.ts';
import { Singleflight } from '../singleflight.ts';
import { createKeyring, type Keyring, type PullSecret } from './keyring.ts';

/** Whose credentials are wanted: a pod's, or those that a template's pods will have. */
export interface PullIdentity {
  namespace: string;
  /** Names as the pod has them, empty ones included. */
  imagePullSecrets: readonly string[];
  serviceAccountName: string;
}

/** The credentials of a puller, and what was found missing on the way to them. */
export interface PullCredentials {
  keyring: Keyring;
  /** Names of Secrets that don't exist. The kubelet goes on without them, and so does tagpin. */
  missing: readonly string[];
}

/** So long an object is believed to be what it was: enough for a rollout's burst, short for who has just mended it. */
const LIFETIME_MS = 10_000;
const READ_TIMEOUT_MS = 10_000;
const MAX_OBJECTS = 10_000;
/** In characters, of all Secrets together: one may have a megabyte, and whoever makes pods may make Secrets. */
const MAX_SIZE = 32 * 1024 * 1024;

/**
 * Reads pull secrets, each by its name, and only when an image needs them.
 *
 * Which ones is the API server's rule: a pod's own, else its ServiceAccount's, never both; a list whose only name
 * is empty counts as the pod's own (kubernetes plugin/pkg/admission/serviceaccount/admission.go).
 */
export class PullSecrets {
  readonly #api: KubernetesApi;
  readonly #secrets = new RecentReads<PullSecret>();
  readonly #serviceAccounts = new RecentReads<ServiceAccount>();

  constructor(api: KubernetesApi) {
    this.#api = api;
  }

  /** @throws KubernetesError when a Secret or ServiceAccount can't be read */
  async credentials(puller: PullIdentity, signal: AbortSignal): Promise<PullCredentials> {
    const { namespace } = puller;
    const names = await this.#secretNames(puller, signal);
    const reads = names.map(async (name) => {
      const secret = await this.#secrets.get(
        pathOf(resources.Secret, namespace, name),
        signal,
        async (readSignal) => {
          const read = await this.#api.readSecret(namespace, name, readSignal);
          return read && decode(read);
        },
      );
      return { name, secret };
    });
    const secrets = await Promise.all(reads);
    return {
      keyring: createKeyring(secrets.flatMap(({ secret }) => secret ?? [])),
      missing: secrets.filter(({ secret }) => secret === undefined).map(({ name }) => name),
    };
  }

  async #secretNames(puller: PullIdentity, signal: AbortSignal): Promise<string[]> {
    const { namespace, imagePullSecrets, serviceAccountName } = puller;
    if (imagePullSecrets.length > 0) return existing(imagePullSecrets);
    const account = await this.#serviceAccounts.get(
      pathOf(resources.ServiceAccount, namespace, serviceAccountName),
      signal,
      (readSignal) => this.#api.readServiceAccount(namespace, serviceAccountName, readSignal),
    );
    return existing((account?.imagePullSecrets ?? []).map(({ name }) => name));
  }
}

const existing = (names: readonly string[]) => [...new Set(names)].filter((name) => name !== '');

/** The keys that a pull secret may have; whatever else a Secret holds is none of tagpin's business. */
const KEYS = ['.dockerconfigjson', '.dockercfg'];

function decode({ metadata, type, data }: Secret): PullSecret {
  const entries = Object.entries(data ?? {}).filter(([key]) => KEYS.includes(key));
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    type,
    data: Object.fromEntries(
      entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
    ),
  };
}

/** Objects read a moment ago, by their paths. What doesn't exist isn't kept: what happens to it next is that somebody creates it. */
class RecentReads<T extends object> {
  readonly #objects = new LRUCache<string, T>({
    max: MAX_OBJECTS,
    maxSize: MAX_SIZE,
    sizeCalculation: (object) => JSON.stringify(object).length,
    ttl: LIFETIME_MS,
  });
  readonly #reads = new Singleflight<T | undefined>(READ_TIMEOUT_MS);

  async get(
    path: string | undefined,
    signal: AbortSignal,
    read: (signal: AbortSignal) => Promise<T | undefined>,
  ) {
    if (path === undefined) return undefined;
    const known = this.#objects.get(path);
    if (known !== undefined) return known;
    const reading = this.#reads.join(path, signal, async (readSignal) => {
      const object = await read(readSignal);
      if (object !== undefined) this.#objects.set(path, object);
      return object;
    });
    return answered(reading, path);
  }
}
