import { LRUCache } from 'lru-cache';
import { excerpt } from '../image/excerpt.ts';
import type { KubernetesApi, Secret, ServiceAccount } from '../kubernetes/api.ts';
import { pathOf, type Resource, resources } from '../kubernetes/resources.ts';
import { SharedReads } from '../kubernetes/shared-reads.ts';
import type { Turns } from '../kubernetes/turns.ts';
import { createKeyring, type Keyring, type PullSecret } from './keyring.ts';

/** Who pulls: a pod, or the pods of a template. */
export interface PullIdentity {
  namespace: string;
  /** As in the pod's spec, empty names included. */
  imagePullSecrets: readonly string[];
  serviceAccountName: string;
}

/** The credentials of a puller, and which of its pull secrets don't exist. */
export interface PullCredentials {
  keyring: Keyring;
  /** Names of Secrets that don't exist. The kubelet pulls without them, and so does tagpin. */
  missing: readonly string[];
}

/** Milliseconds for which an object that was read is cached: enough for a rollout's burst, short for an author who has just corrected it. */
const LIFETIME_MS = 10_000;
/** Secrets of one pod that are read at once, as many as may be under way for a namespace. There may be any number of them. */
const AT_ONCE = 4;
const MAX_OBJECTS = 10_000;
/** Characters of all cached Secrets together: one may have a megabyte, and the authors of pods may create Secrets. */
const MAX_SIZE = 32 * 1024 * 1024;

/**
 * Reads pull secrets, each by its name, and only when an image needs them.
 *
 * Which ones is the API server's rule: a pod's own, else its ServiceAccount's, never both; a list whose only name
 * is empty counts as the pod's own (kubernetes plugin/pkg/admission/serviceaccount/admission.go).
 */
export class PullSecrets {
  readonly #secrets: RecentReads<PullSecret>;
  readonly #serviceAccounts: RecentReads<ServiceAccount>;

  /** @param turns bounds the reads at once; without it there is no bound */
  constructor(api: Pick<KubernetesApi, 'readSecret' | 'readServiceAccount'>, turns?: Turns) {
    this.#secrets = new RecentReads(resources.Secret, turns, async (namespace, name, signal) => {
      const secret = await api.readSecret(namespace, name, signal);
      return secret && decode(secret);
    });
    this.#serviceAccounts = new RecentReads(resources.ServiceAccount, turns, (namespace, name, signal) =>
      api.readServiceAccount(namespace, name, signal),
    );
  }

  /** @throws KubernetesError when a Secret or ServiceAccount can't be read; TooManyPullSecrets */
  async credentials(puller: PullIdentity, signal: AbortSignal): Promise<PullCredentials> {
    const { namespace } = puller;
    const names = await this.#secretNames(puller, signal);
    const secrets = new Map<string, PullSecret | undefined>();
    const unread = names.values();
    let failed = false;
    const read = async () => {
      for (const name of unread) {
        const secret = await this.#secrets.get(namespace, name, signal);
        if (failed) return;
        secrets.set(name, secret);
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, names.length) }, read));
    } finally {
      failed = true;
    }
    // In the order of the pod's list, which is that of the kubelet's tries.
    const found = names.map((name) => ({ name, secret: secrets.get(name) }));
    return {
      keyring: createKeyring(found.flatMap(({ secret }) => secret ?? [])),
      missing: found.filter(({ secret }) => secret === undefined).map(({ name }) => name),
    };
  }

  async #secretNames(puller: PullIdentity, signal: AbortSignal): Promise<string[]> {
    const { namespace, imagePullSecrets, serviceAccountName } = puller;
    if (imagePullSecrets.length > 0) return distinct(imagePullSecrets);
    const account = await this.#serviceAccounts.get(namespace, serviceAccountName, signal);
    const names = account?.imagePullSecrets ?? [];
    if (names.length > MAX_OF_ACCOUNT) throw new TooManyPullSecrets(serviceAccountName, names.length);
    return distinct(names.map(({ name }) => name));
  }
}

/** The pull secrets of one ServiceAccount that are read, far above real use. A pod's own are counted before. */
export const MAX_OF_ACCOUNT = 100;

/** Thrown for a ServiceAccount with more pull secrets than are read. */
export class TooManyPullSecrets extends Error {
  override readonly name = 'TooManyPullSecrets';

  constructor(account: string, count: number) {
    super(
      `ServiceAccount ${excerpt(account)} has ${count} imagePullSecrets, and tagpin takes at most ${MAX_OF_ACCOUNT}`,
    );
  }
}

const distinct = (names: readonly string[]) => [...new Set(names)].filter((name) => name !== '');

/** The keys of a pull secret. Other keys of a Secret are not kept. */
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

type Read<T> = (namespace: string, name: string, signal: AbortSignal) => Promise<T | undefined>;

/** Objects of one resource, cached for a moment. A missing object isn't cached, because somebody may be about to create it. */
class RecentReads<T extends object> {
  readonly #resource: Resource;
  readonly #read: Read<T>;
  readonly #reads: SharedReads<T | undefined>;
  readonly #objects = new LRUCache<string, T>({
    max: MAX_OBJECTS,
    maxSize: MAX_SIZE,
    sizeCalculation: (object) => JSON.stringify(object).length,
    ttl: LIFETIME_MS,
  });

  constructor(resource: Resource, turns: Turns | undefined, read: Read<T>) {
    this.#resource = resource;
    this.#read = read;
    this.#reads = new SharedReads(turns);
  }

  async get(namespace: string, name: string, signal: AbortSignal): Promise<T | undefined> {
    const path = pathOf(this.#resource, namespace, name);
    if (path === undefined) return undefined;
    const known = this.#objects.get(path);
    if (known !== undefined) return known;
    return await this.#reads.get({ namespace, path }, signal, async (readSignal) => {
      const object = await this.#read(namespace, name, readSignal);
      if (object !== undefined) this.#objects.set(path, object);
      return object;
    });
  }
}
