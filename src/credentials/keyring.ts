import { Credential } from './credential.ts';
import {
  type DockerConfig,
  type DockerConfigFault,
  decodeDockerConfigJson,
  decodeDockercfg,
  InvalidDockerConfig,
} from './docker-config.ts';
import { keyMatches, normalizeKey, parseKey } from './registry-key.ts';

/** Knows which credentials are for an image. */
export interface Keyring {
  /**
   * The credentials for a repository (`docker.io/library/nginx`, neither tag nor digest), in the order in
   * which the kubelet tries them. If there are any it never pulls anonymously, but one of them may be an
   * empty entry.
   */
  lookup(repository: string): Credential[];
  /** The secrets that can't be read. The others still count here; the kubelet fails every pull of the pod. */
  readonly broken: readonly BrokenSecret[];
  /** The secrets whose type makes them none for pulling: the kubelet passes over them. */
  readonly ofOtherTypes: readonly SecretOfOtherType[];
}

export type SecretOfOtherType = Pick<PullSecret, 'namespace' | 'name' | 'type'>;

/** A secret that can't be read, and why. */
export interface BrokenSecret {
  readonly secret: Pick<PullSecret, 'namespace' | 'name'>;
  readonly reason: DockerConfigFault;
  readonly error: InvalidDockerConfig;
}

/** As much of a Secret as pulling images takes. */
export interface PullSecret {
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  /** Decoded: text, no longer base64. */
  readonly data: Readonly<Record<string, string>>;
}

/**
 * The keyring of a pod's pull secrets, given in the pod's order (kubernetes pkg/credentialprovider/keyring.go
 * and secrets/secrets.go). Secrets of other types are passed over. Only user names and passwords are taken:
 * to the kubelet an entry with nothing but an identity token is an empty one.
 */
export function createKeyring(secrets: readonly PullSecret[]): Keyring {
  const entries: Entry[] = [];
  const broken: BrokenSecret[] = [];
  const ofOtherTypes: SecretOfOtherType[] = [];
  for (const { namespace, name, type, data } of secrets) {
    if (!types.has(type)) ofOtherTypes.push({ namespace, name, type });
    const source = `secret ${namespace}/${name}`;
    try {
      for (const [key, { username, password }] of decodeSecret(type, data)) {
        entries.push([key, new Credential({ username, password, source })]);
      }
    } catch (error) {
      if (!(error instanceof InvalidDockerConfig)) throw error;
      broken.push({ secret: { namespace, name }, reason: error.reason, error });
    }
  }
  return { lookup: file(entries), broken, ofOtherTypes };
}

/** The keyring of a docker config, tokens included, matched by the kubelet's rules all the same. */
export function dockerConfigKeyring(config: DockerConfig, source: string): Keyring {
  const entries = Array.from(config, ([key, entry]): Entry => [key, new Credential({ ...entry, source })]);
  return { lookup: file(entries), broken: [], ofOtherTypes: [] };
}

/** Whether the kubelet takes an image to be on Docker Hub (`isDefaultRegistryMatch`). */
export function isDefaultRegistry(image: string): boolean {
  const [first = '', rest] = image.split('/', 2);
  if (first === '') return false;
  return rest === undefined || first === 'docker.io' || first === DOCKER_HUB_KEY || !/[.:]/.test(first);
}

/** A docker config's key as written, and the credential of its entry. */
type Entry = readonly [key: string, credential: Credential];

const DOCKER_HUB_KEY = 'index.docker.io';

const types = new Set(['kubernetes.io/dockerconfigjson', 'kubernetes.io/dockercfg']);

/** secrets.go, `secretsToTrackedDockerConfigs`: any other type, key or an empty value is no pull secret. */
function decodeSecret(type: string, data: PullSecret['data']): DockerConfig {
  const { '.dockerconfigjson': config, '.dockercfg': legacy } = data;
  if (type === 'kubernetes.io/dockerconfigjson' && config) return decodeDockerConfigJson(config);
  if (type === 'kubernetes.io/dockercfg' && legacy) return decodeDockercfg(legacy);
  return new Map();
}

/**
 * `BasicDockerKeyring`: keys go in reverse byte order, whichever secret they are from, so `quay.io/team`
 * before `quay.io`; within a key the order of the secrets stays. Docker Hub's key is for its images that have
 * no other.
 */
function file(entries: readonly Entry[]): Keyring['lookup'] {
  const filed = Map.groupBy(entries, ([key]) => normalizeKey(key));
  const index = [...filed.keys()]
    .filter((key) => key !== undefined)
    .map((key) => ({ key, bytes: Buffer.from(key), pattern: parseKey(key) }))
    .sort((a, b) => Buffer.compare(b.bytes, a.bytes));

  return (repository) => {
    const image = parseKey(repository);
    const matching = index.filter(({ pattern }) => pattern && image && keyMatches(pattern, image));
    const keys = matching.map(({ key }) => key);
    if (keys.length === 0 && isDefaultRegistry(repository)) keys.push(DOCKER_HUB_KEY);
    return keys.flatMap((key) => filed.get(key) ?? []).map(([, credential]) => credential);
  };
}
