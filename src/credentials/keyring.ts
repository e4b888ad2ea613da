import { Credential } from './credential.ts';
import {
  type DockerConfig,
  type DockerConfigFault,
  decodeDockerConfigJson,
  decodeDockercfg,
  InvalidDockerConfig,
} from './docker-config.ts';
import { keyMatches, normalizeKey, parseKey } from './registry-key.ts';

/** Credentials, and the images they are for. */
export interface Keyring {
  /**
   * The credentials for a repository (`docker.io/library/nginx`, neither tag nor digest), in the order in
   * which the kubelet tries them. If there are any, the kubelet never pulls anonymously, except with an empty entry.
   */
  lookup(repository: string): Credential[];
  /** The Secrets that can't be decoded. The kubelet then fails every pull of the pod; here the others still count. */
  readonly broken: readonly BrokenSecret[];
  /** The Secrets that aren't pull secrets by their type. The kubelet ignores them. */
  readonly ofOtherTypes: readonly SecretOfOtherType[];
}

export type SecretOfOtherType = Pick<PullSecret, 'namespace' | 'name' | 'type'>;

/** A Secret that can't be decoded, and why. */
export interface BrokenSecret {
  readonly secret: Pick<PullSecret, 'namespace' | 'name'>;
  readonly reason: DockerConfigFault;
  readonly error: InvalidDockerConfig;
}

/** The parts of a Secret that are needed to pull images. */
export interface PullSecret {
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  /** Decoded from base64. */
  readonly data: Readonly<Record<string, string>>;
}

/**
 * The keyring of a pod's pull secrets, given in the pod's order (kubernetes pkg/credentialprovider/keyring.go
 * and secrets/secrets.go). Secrets of other types are ignored. Only user names and passwords count: to the kubelet an
 * entry with only an identity token is empty.
 */
export function createKeyring(secrets: readonly PullSecret[]): Keyring {
  const entries: KeyringEntry[] = [];
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
  return { lookup: lookupIn(entries), broken, ofOtherTypes };
}

/** The keyring of a docker config. Entries match by the kubelet's rules, but tokens count too. */
export function dockerConfigKeyring(config: DockerConfig, source: string): Keyring {
  const entries = Array.from(
    config,
    ([key, entry]): KeyringEntry => [key, new Credential({ ...entry, source })],
  );
  return { lookup: lookupIn(entries), broken: [], ofOtherTypes: [] };
}

/** Whether an image is on Docker Hub to the kubelet (`isDefaultRegistryMatch`). */
export function isDefaultRegistry(image: string): boolean {
  const [first = '', rest] = image.split('/', 2);
  if (first === '') return false;
  return rest === undefined || first === 'docker.io' || first === DOCKER_HUB_KEY || !/[.:]/.test(first);
}

/** A docker config's key as written, and the credential of its entry. */
type KeyringEntry = readonly [key: string, credential: Credential];

const DOCKER_HUB_KEY = 'index.docker.io';

const types = new Set(['kubernetes.io/dockerconfigjson', 'kubernetes.io/dockercfg']);

/** secrets.go, `secretsToTrackedDockerConfigs`: other types, other keys and empty values are ignored. */
function decodeSecret(type: string, data: PullSecret['data']): DockerConfig {
  const { '.dockerconfigjson': config, '.dockercfg': legacy } = data;
  if (type === 'kubernetes.io/dockerconfigjson' && config) return decodeDockerConfigJson(config);
  if (type === 'kubernetes.io/dockercfg' && legacy) return decodeDockercfg(legacy);
  return new Map();
}

/**
 * `BasicDockerKeyring`: keys are sorted in reverse byte order, so that `quay.io/team` precedes `quay.io`; entries with the
 * same key keep the order of the Secrets. Docker Hub's key is the fallback for images on Docker Hub.
 */
function lookupIn(entries: readonly KeyringEntry[]): Keyring['lookup'] {
  const byKey = Map.groupBy(entries, ([key]) => normalizeKey(key));
  const index = [...byKey.keys()]
    .filter((key) => key !== undefined)
    .map((key) => ({ key, bytes: Buffer.from(key), pattern: parseKey(key) }))
    .sort((a, b) => Buffer.compare(b.bytes, a.bytes));

  return (repository) => {
    const image = parseKey(repository);
    const matching = index.filter(({ pattern }) => pattern && image && keyMatches(pattern, image));
    const keys = matching.map(({ key }) => key);
    if (keys.length === 0 && isDefaultRegistry(repository)) keys.push(DOCKER_HUB_KEY);
    return keys.flatMap((key) => byKey.get(key) ?? []).map(([, credential]) => credential);
  };
}
