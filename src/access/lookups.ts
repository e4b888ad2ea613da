import type { Proxies } from '../config/environment.ts';
import type { Config } from '../config.ts';
import type { CommandContext } from '../console/runtime.ts';
import type { Credential, CredentialSource } from '../credentials/credential.ts';
import { type ImageCredentials, PodCredentials } from '../credentials/pod-credentials.ts';
import type { PullCredentials } from '../credentials/pull-secrets.ts';
import { createRegistryEngine } from '../engine.ts';
import type { Digest } from '../image/digest.ts';
import { type Reference, repository } from '../image/reference.ts';
import { RegistryError } from '../registry/error.ts';
import { explain, type Failure } from '../resolve/failure.ts';
import { type Inspection, inspect } from '../resolve/inspect.ts';
import { untilAborted } from '../singleflight.ts';
import { openLogin, type PodOptions, readPullCredentials } from './credentials.ts';
import { atCommandLine } from './remedies.ts';

/** What a lookup of one image found, or why it found nothing. */
export type Lookup = { failure: Failure; error: unknown } | (Found & { failure?: never });

export interface Found {
  digest: Digest;
  /** The credential that opened the registry; undefined if none was needed. */
  credential: Credential | undefined;
  /** Requests sent to find the digest, those for tokens included. */
  requests: number;
  milliseconds: number;
  /** Only if it was asked for. */
  inspection: Inspection | undefined;
}

export interface LookupParts {
  proxies: Proxies;
  sources: readonly CredentialSource[];
  /** The pull secrets of a pod, unless a person looks images up. */
  pullCredentials: PullCredentials | undefined;
  /** Images that are resolved at once at one registry, instead of the configuration's number. */
  concurrency?: number | undefined;
  /** Whether to read the manifests too. */
  inspect: boolean;
  signal: AbortSignal;
}

/** Looks images up one by one, for a person. */
export interface Lookups {
  /**
   * Never rejects: an error is the image's failure.
   *
   * @param credentials those of another pod
   */
  lookup(reference: Reference, credentials?: PodCredentials): Promise<Lookup>;
  /** The credentials of a pod with these pull secrets. */
  forPod(readSecrets: () => Promise<PullCredentials>): PodCredentials;
  close(): Promise<void>;
}

/** The configuration with so many requests at once at one registry. The queue is endless: a person rather waits. */
export function withConcurrency(config: Config, concurrency = config.limits.concurrency): Config {
  return { ...config, limits: { concurrency, queue: Number.MAX_SAFE_INTEGER } };
}

export function createLookups(config: Config, parts: LookupParts): Lookups {
  const { sources, proxies, pullCredentials, signal } = parts;
  const engine = createRegistryEngine(withConcurrency(config, parts.concurrency), {
    sources,
    proxies,
    observe: () => undefined,
  });
  const forPod = (readSecrets: () => Promise<PullCredentials>) =>
    new PodCredentials(engine.credentials, readSecrets, signal);
  const own =
    pullCredentials === undefined
      ? new PodCredentials(engine.credentials, undefined, signal)
      : forPod(async () => pullCredentials);

  async function find(reference: Reference, { credentials }: ImageCredentials): Promise<Found> {
    const started = performance.now();
    const resolution = await engine.resolver.resolve(reference, credentials, signal);
    const milliseconds = Math.round(performance.now() - started);
    const { digest, credential } = resolution;
    const requests = resolution.source === 'registry' ? resolution.requests : 0;
    if (reference.digest !== undefined && algorithmOf(reference.digest) === algorithmOf(digest)) {
      if (reference.digest !== digest) throw otherDigest();
    }
    // A registry may answer a sha512 with its sha256; the digest that was asked for exists, and names the image.
    const known = reference.digest ?? digest;
    const inspection = parts.inspect
      ? await inspect(engine.client, reference, known, credential, signal)
      : undefined;
    return { digest: known, credential, requests, milliseconds, inspection };
  }

  return {
    forPod,
    async lookup(reference, credentials = own) {
      let atHand: ImageCredentials | undefined;
      try {
        atHand = await credentials.find(repository(reference));
        return await find(reference, atHand);
      } catch (error) {
        const remedyWithout = atHand?.secrets === undefined ? logIn(reference) : undefined;
        const failure = explain(error, atHand && { ...atHand, remedyWithout });
        return { failure: atCommandLine(failure, error), error };
      }
    },
    close: engine.close,
  };
}

const algorithmOf = (digest: Digest) => digest.slice(0, digest.indexOf(':'));

const otherDigest = () =>
  new RegistryError('digest_mismatch', 'the registry answers with another digest than was asked for');

function logIn({ domain }: Reference): string {
  const server = domain === 'docker.io' ? '' : ` ${domain}`;
  return `log in with "docker login${server}", or correct the image`;
}

/** As who registries are asked: as a pod, if anything is said of one, else as whoever is logged in here. */
export interface AskerOptions extends PodOptions {
  dockerConfig?: string | undefined;
  /** Images that are asked for at once of a registry; else the configuration says. */
  concurrency?: number | undefined;
}

export interface AskParts {
  /** Whether to read what stands behind the digests too. */
  inspect: boolean;
  /** Carries the deadline. */
  signal: AbortSignal;
}

/**
 * Has images looked up as the options say, for as long as `use` takes.
 *
 * @throws WrongUse, CommandFailed, what `use` throws, or the reason of `interrupted`
 */
export async function withLookups<T>(
  config: Config,
  options: AskerOptions,
  { environment, terminal, connect, interrupted }: CommandContext,
  { inspect, signal }: AskParts,
  use: (lookups: Lookups) => Promise<T>,
): Promise<T> {
  const isForPod =
    options.namespace !== undefined ||
    options.serviceAccount !== undefined ||
    options.pullSecret !== undefined;
  // A pod hasn't what this person is logged in with, so only what is named counts beside its secrets.
  const places = isForPod ? [] : environment.dockerConfigs;
  const sources = openLogin(options.dockerConfig ?? config.dockerConfig, places, signal);
  const connection = isForPod ? await connect() : undefined;
  try {
    const pullCredentials =
      connection &&
      (await untilAborted(readPullCredentials(options, connection, terminal, signal), interrupted));
    const { proxies } = environment;
    const { concurrency } = options;
    const parts = { sources, proxies, pullCredentials, concurrency, inspect, signal };
    const lookups = createLookups(config, parts);
    try {
      return await use(lookups);
    } finally {
      await lookups.close();
    }
  } finally {
    // It waits for what is being asked, and nobody wants to know any more.
    connection?.close().catch(() => undefined);
  }
}
