import { AsyncLocalStorage } from 'node:async_hooks';
import type { Proxies } from '../config/environment.ts';
import type { Config } from '../config.ts';
import { type Credential, type CredentialSource, fingerprint } from '../credentials/credential.ts';
import type { FoundCredentials } from '../credentials/credentials.ts';
import type { PullCredentials } from '../credentials/pull-secrets.ts';
import { createRegistryEngine } from '../engine.ts';
import type { Digest } from '../image/digest.ts';
import { pullReference, type Reference, repository } from '../image/reference.ts';
import { RegistryError } from '../registry/error.ts';
import { explain, type Failure } from '../resolve/failure.ts';
import { type Inspection, inspect } from '../resolve/inspect.ts';
import { circumstances } from '../resolve/pin-images.ts';
import { atCommandLine } from './failure.ts';

/** What came of looking up one image. */
export type Lookup = { failure: Failure } | (Found & { failure?: never });

export interface Found {
  digest: Digest;
  /** What opened the registry; undefined if nothing was needed. */
  credential: Credential | undefined;
  /** Requests it took to find the digest, those for tokens included. */
  requests: number;
  milliseconds: number;
  /** Only if it was asked for. */
  inspection: Inspection | undefined;
}

export interface LookupParts {
  proxies: Proxies;
  sources: readonly CredentialSource[];
  /** Those of a pod, if it is to be as for a pod. */
  pullCredentials: PullCredentials | undefined;
  /** Images that are asked for at once of a registry; else the configuration says. */
  concurrency?: number | undefined;
  /** Whether to read what stands behind the digests too. */
  inspect: boolean;
  signal: AbortSignal;
}

/** Looks up images one by one, for people. */
export interface Lookups {
  /**
   * Never rejects: what goes wrong is the image's failure.
   *
   * @param pullCredentials another pod's
   */
  lookup(reference: Reference, pullCredentials?: PullCredentials): Promise<Lookup>;
  close(): Promise<void>;
}

/**
 * So many images are asked for at once of a registry, if it is said here. Limits spare the registry, but nobody who
 * waits for an answer wants to be sent away instead.
 */
export function withConcurrency(config: Config, concurrency = config.limits.concurrency): Config {
  return { ...config, limits: { concurrency, queue: Number.MAX_SAFE_INTEGER } };
}

/** What is noted on the way to one image's digest. */
interface Tally {
  requests: number;
  credential: Credential | undefined;
  /** The same for all who would get the same answer: one of them asks, and the others have it from there. */
  question: string;
}

export function createLookups(config: Config, parts: LookupParts): Lookups {
  // Requests are made far below, where nobody knows for which image.
  const tallies = new AsyncLocalStorage<Tally>();
  /** What opened the registry to a question. */
  const opened = new Map<string, Credential>();
  const engine = createRegistryEngine(withConcurrency(config, parts.concurrency), {
    sources: parts.sources,
    proxies: parts.proxies,
    observe: () => {
      const tally = tallies.getStore();
      if (tally !== undefined) tally.requests += 1;
    },
    listen: (client) => ({
      async resolve(reference, credential, signal) {
        const descriptor = await client.resolve(reference, credential, signal);
        const tally = tallies.getStore();
        if (tally !== undefined && credential !== undefined) opened.set(tally.question, credential);
        if (tally !== undefined) tally.credential = credential;
        return descriptor;
      },
    }),
  });
  const { signal } = parts;

  async function find(reference: Reference, tally: Tally, found: FoundCredentials): Promise<Found> {
    const started = performance.now();
    const { digest } = await engine.resolver.resolve(reference, found.credentials, signal);
    const took = { milliseconds: Math.round(performance.now() - started), requests: tally.requests };
    if (reference.digest !== undefined && algorithmOf(reference.digest) === algorithmOf(digest)) {
      if (reference.digest !== digest) throw otherDigest();
    }
    // A registry may answer a sha512 with its sha256; what was asked for is there, and is the image's name.
    const known = reference.digest ?? digest;
    const credential = tally.credential ?? sameOf(opened.get(tally.question), found.credentials);
    const inspection = parts.inspect
      ? await inspect(engine.client, reference, known, credential, signal)
      : undefined;
    return { digest: known, credential, ...took, inspection };
  }

  return {
    async lookup(reference, pullCredentials = parts.pullCredentials) {
      let found: FoundCredentials = { credentials: [], failures: [] };
      try {
        found = await engine.credentials.find(repository(reference), pullCredentials?.keyring, signal);
        const question = `${pullReference(reference)} ${fingerprint(found.credentials)}`;
        const tally: Tally = { requests: 0, credential: undefined, question };
        return await tallies.run(tally, () => find(reference, tally, found));
      } catch (error) {
        const at = circumstances(found, pullCredentials);
        const remedyWithout = pullCredentials === undefined ? logIn(reference) : undefined;
        return { failure: atCommandLine(explain(error, { ...at, remedyWithout }), error) };
      }
    },
    close: engine.close,
  };
}

/** The one of these that is the same: it may have come from somewhere else. */
const sameOf = (opener: Credential | undefined, credentials: readonly Credential[]) =>
  opener && credentials.find((credential) => fingerprint([credential]) === fingerprint([opener]));

const algorithmOf = (digest: Digest) => digest.slice(0, digest.indexOf(':'));

const otherDigest = () =>
  new RegistryError('digest_mismatch', 'the registry answers with another digest than was asked for');

function logIn({ domain }: Reference): string {
  const server = domain === 'docker.io' ? '' : ` ${domain}`;
  return `log in with "docker login${server}", or correct the image`;
}
