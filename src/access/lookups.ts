import type { Config } from '../config.ts';
import type { CommandContext } from '../console/runtime.ts';
import type { Credential } from '../credentials/credential.ts';
import { type ImageCredentials, PodCredentials } from '../credentials/pod-credentials.ts';
import { createRegistryEngine, type RegistryEngine, type RegistryParts } from '../engine.ts';
import type { Digest } from '../image/digest.ts';
import { type Reference, repository } from '../image/reference.ts';
import { RegistryError } from '../registry/error.ts';
import { explain, type Failure } from '../resolve/failure.ts';
import { untilAborted } from '../singleflight.ts';
import { openLogin, type PodOptions, readPullCredentials } from './credentials.ts';
import { type Inspection, inspect } from './image-details.ts';
import { digestForPlatform, NoSuchPlatform } from './platform.ts';
import { atCommandLine } from './remedies.ts';

/** What a lookup of one image found, or why it found nothing. */
export type Lookup = { failure: Failure; error: unknown } | (FoundImage & { failure?: never });

export interface FoundImage {
  digest: Digest;
  /** The credential that opened the registry; undefined if none was needed. */
  credential: Credential | undefined;
  /** Requests sent to find the digest, those for tokens included. */
  requests: number;
  milliseconds: number;
  /** Only if it was asked for. */
  inspection: Inspection | undefined;
}

export interface LookupOptions {
  /** Whether to read the manifests too. */
  inspect: boolean;
  /** The platform whose manifest is meant, instead of the whole image; as `linux/arm64`, or with its variant. */
  platform?: string | undefined;
  /** Carries the deadline. */
  signal: AbortSignal;
}

/** What registries are asked as: a pod if any of its options is given, else the person who is logged in. */
export interface AskerOptions extends PodOptions {
  dockerConfig?: string | undefined;
  /** Requests at a time to one registry, instead of the configuration's number. */
  concurrency?: number | undefined;
}

export type EngineParts = Pick<RegistryParts, 'sources' | 'proxies'> & Pick<AskerOptions, 'concurrency'>;

/** A registry engine for a command. Its queues have no limit: a person prefers to wait rather than be refused. */
export function openEngine(config: Config, { sources, proxies, concurrency }: EngineParts): RegistryEngine {
  const limits = {
    concurrency: concurrency ?? config.limits.concurrency,
    queue: Number.MAX_SAFE_INTEGER,
  };
  return createRegistryEngine({ ...config, limits }, { sources, proxies, observe: () => undefined });
}

/**
 * Lets `use` look images up as the options say.
 *
 * @throws WrongUse, CommandFailed, the error of `use`, or the reason of `interrupted`
 */
export async function withLookups<T>(
  config: Config,
  options: AskerOptions,
  { environment, terminal, connect, interrupted }: CommandContext,
  lookupOptions: LookupOptions,
  use: (lookUp: (reference: Reference) => Promise<Lookup>) => Promise<T>,
): Promise<T> {
  const { signal } = lookupOptions;
  const isForPod =
    options.namespace !== undefined ||
    options.serviceAccount !== undefined ||
    options.pullSecret !== undefined;
  // The person's own login doesn't count for a pod, which doesn't have it.
  const files = isForPod ? [] : environment.dockerConfigs;
  const sources = openLogin(options.dockerConfig ?? config.dockerConfig, files, signal);
  const connection = isForPod ? await connect() : undefined;
  try {
    const secrets =
      connection &&
      (await untilAborted(readPullCredentials(options, connection, terminal, signal), interrupted));
    const { proxies } = environment;
    const engine = openEngine(config, { sources, proxies, concurrency: options.concurrency });
    const readSecrets = secrets && (async () => secrets);
    const credentials = new PodCredentials(engine.credentials, readSecrets, signal);
    try {
      return await use((reference) => lookUp(engine, reference, credentials, lookupOptions));
    } finally {
      await engine.close();
    }
  } finally {
    // Closing waits for requests in flight, whose answers nobody needs any more.
    connection?.close().catch(() => undefined);
  }
}

/** Looks up one image, for a person. Never rejects: an error is the image's failure. */
export async function lookUp(
  engine: RegistryEngine,
  reference: Reference,
  credentials: PodCredentials,
  options: LookupOptions,
): Promise<Lookup> {
  let atHand: ImageCredentials | undefined;
  try {
    atHand = await credentials.find(repository(reference));
    return await find(engine, reference, atHand, options);
  } catch (error) {
    if (error instanceof NoSuchPlatform) {
      const remedy = 'choose another platform, or correct the image';
      return { failure: { label: 'not_found', cause: error.message, remedy }, error };
    }
    const remedyWithout = atHand?.secrets === undefined ? logIn(reference) : undefined;
    const failure = explain(error, atHand && { ...atHand, remedyWithout });
    return { failure: atCommandLine(failure, error), error };
  }
}

async function find(
  engine: RegistryEngine,
  reference: Reference,
  { credentials }: ImageCredentials,
  { inspect: isInspected, platform, signal }: LookupOptions,
): Promise<FoundImage> {
  const started = performance.now();
  const resolution = await engine.resolver.resolve(reference, credentials, signal);
  const milliseconds = Math.round(performance.now() - started);
  const { digest, credential } = resolution;
  const requests = resolution.source === 'registry' ? resolution.requests : 0;
  if (reference.digest !== undefined && algorithmOf(reference.digest) === algorithmOf(digest)) {
    if (reference.digest !== digest) throw otherDigest();
  }
  // A registry may answer a sha512 with its sha256; the digest that was asked for exists, and names the image.
  const whole = reference.digest ?? digest;
  const known =
    platform === undefined
      ? whole
      : await digestForPlatform(engine.client, reference, whole, platform, credential, signal);
  const inspection = isInspected
    ? await inspect(engine.client, reference, known, credential, signal)
    : undefined;
  return { digest: known, credential, requests, milliseconds, inspection };
}

const algorithmOf = (digest: Digest) => digest.slice(0, digest.indexOf(':'));

const otherDigest = () =>
  new RegistryError('digest_mismatch', 'the registry answers with another digest than was asked for');

function logIn({ domain }: Reference): string {
  const server = domain === 'docker.io' ? '' : ` ${domain}`;
  return `log in with "docker login${server}", or correct the image`;
}
