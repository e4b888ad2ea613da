import { AsyncLocalStorage } from 'node:async_hooks';
import type { Config } from '../../config.ts';
import { type Credential, fingerprint } from '../../credentials/credential.ts';
import type { FoundCredentials } from '../../credentials/credentials.ts';
import type { PullCredentials, PullSecrets } from '../../credentials/pull-secrets.ts';
import { createRegistryEngine, type RegistryEngine, type RegistryParts } from '../../engine.ts';
import {
  type Answer,
  type Manifest,
  type RegistryView,
  readBuilt,
  readManifest,
} from '../../fleet/content.ts';
import type { PullSpec } from '../../fleet/fleet.ts';
import type { Digest } from '../../image/digest.ts';
import { pullReference, type Reference, repository } from '../../image/reference.ts';
import { RegistryError, type RegistryFailure } from '../../registry/error.ts';
import { explain, sentence } from '../../resolve/failure.ts';
import { circumstances } from '../../resolve/pin-images.ts';
import { pullIdentityOf } from '../../resolve/pull-identity.ts';
import { atCommandLine } from '../failure.ts';

/** As long as a registry gets to say which digest a tag has. */
const CONTENT_TIMEOUT_MS = 30_000;

/** What opened a registry, noted far below where nobody knows for whom. */
interface Opened {
  credential: Credential | undefined;
}
const opening = new AsyncLocalStorage<Opened>();

/** The engine that {@link RegistryViews} looks through. */
export function createAuditEngine(
  config: Config,
  parts: Pick<RegistryParts, 'sources' | 'proxies'>,
): RegistryEngine {
  // Limits spare the registry, but nobody who waits for an answer wants to be sent away instead.
  const limits = { ...config.limits, queue: Number.MAX_SAFE_INTEGER };
  return createRegistryEngine(
    { ...config, limits },
    {
      ...parts,
      observe: () => undefined,
      listen: (client) => ({
        async resolve(reference, credential, signal) {
          const descriptor = await client.resolve(reference, credential, signal);
          const opened = opening.getStore();
          if (opened !== undefined) opened.credential = credential;
          return descriptor;
        },
      }),
    },
  );
}

type DigestCache<T> = Map<string, Promise<Answer<T>>>;

/** As whom registries are looked at. */
interface Viewer {
  found: FoundCredentials;
  secrets: PullCredentials;
  /** The same for all who have the same credentials for it. */
  fingerprint: string;
}

/**
 * Registries as pods see them, with the pods' own pull secrets. An image is asked for once for all pods that have the
 * same credentials for it, whatever namespaces they are in, and nobody gets an answer that is another's.
 */
export class RegistryViews {
  readonly #engine: RegistryEngine;
  readonly #pullSecrets: PullSecrets;
  readonly #signal: AbortSignal;
  readonly #secrets = new Map<string, Promise<PullCredentials>>();
  readonly #digests: DigestCache<Digest> = new Map();
  readonly #manifests: DigestCache<Manifest> = new Map();
  readonly #built: DigestCache<Date | undefined> = new Map();
  readonly #opened = new Map<string, Credential | undefined>();
  /** What was said first of a registry that doesn't answer: once is enough. */
  readonly #troubles = new Map<string, string>();

  constructor(engine: RegistryEngine, pullSecrets: PullSecrets, signal: AbortSignal) {
    this.#engine = engine;
    this.#pullSecrets = pullSecrets;
    this.#signal = signal;
  }

  /** As a pod of that namespace sees them. */
  for(namespace: string, pull: PullSpec): RegistryView {
    const as = <T>(reference: Reference, ask: (viewer: Viewer) => Promise<Answer<T>>) =>
      this.#as(namespace, pull, reference, ask);
    return {
      find: (reference) => as(reference, (viewer) => this.#find(reference, viewer)),
      manifest: (reference, digest) => as(reference, (viewer) => this.#manifest(reference, digest, viewer)),
      built: async (reference, config) =>
        (await as(reference, (viewer) => this.#read(reference, config, viewer))).found,
    };
  }

  async #as<T>(
    namespace: string,
    pull: PullSpec,
    reference: Reference,
    ask: (viewer: Viewer) => Promise<Answer<T>>,
  ): Promise<Answer<T>> {
    let secrets: PullCredentials | undefined;
    let found: FoundCredentials = { credentials: [], failures: [] };
    try {
      secrets = await this.#secretsOf(namespace, pull);
      found = await this.#engine.credentials.find(repository(reference), secrets.keyring, this.#signal);
      return await ask({ found, secrets, fingerprint: fingerprint(found.credentials) });
    } catch (error) {
      const failure = atCommandLine(explain(error, circumstances(found, secrets)), error);
      return { problem: `namespace ${namespace}: ${sentence(failure)}` };
    }
  }

  #secretsOf(namespace: string, pull: PullSpec): Promise<PullCredentials> {
    const puller = pullIdentityOf(namespace, pull);
    return remembered(this.#secrets, JSON.stringify(puller), () =>
      this.#pullSecrets.credentials(puller, this.#signal),
    );
  }

  #find(reference: Reference, viewer: Viewer): Promise<Answer<Digest>> {
    const { credentials } = viewer.found;
    return this.#answer(this.#digests, pullReference(reference), reference, viewer, async () => {
      const opened: Opened = { credential: undefined };
      const { digest } = await opening.run(opened, () =>
        this.#engine.resolver.resolve(reference, credentials, this.#signal),
      );
      this.#opened.set(`${repository(reference)} ${viewer.fingerprint}`, opened.credential);
      // A registry may answer a sha512 with its sha256; what was asked for is there.
      return reference.digest ?? digest;
    });
  }

  #manifest(reference: Reference, digest: Digest, viewer: Viewer): Promise<Answer<Manifest>> {
    return this.#answer(
      this.#manifests,
      `${repository(reference)}@${digest}`,
      reference,
      viewer,
      async () => {
        const content = await this.#content(reference, { kind: 'manifest', digest }, viewer);
        return readManifest(content.bytes, content.lastModified);
      },
    );
  }

  #read(reference: Reference, digest: Digest, viewer: Viewer): Promise<Answer<Date | undefined>> {
    return this.#answer(this.#built, `${repository(reference)}@${digest}`, reference, viewer, async () =>
      readBuilt((await this.#content(reference, { kind: 'blob', digest }, viewer)).bytes),
    );
  }

  /** With the credential that has opened the repository before; all that is asked here comes after its tag. */
  #content(
    reference: Reference,
    what: Parameters<RegistryEngine['client']['content']>[1],
    { fingerprint }: Viewer,
  ) {
    const credential = this.#opened.get(`${repository(reference)} ${fingerprint}`);
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(CONTENT_TIMEOUT_MS)]);
    return this.#engine.client.content(reference, what, credential, signal);
  }

  /** Asked once for all who have the same credentials. */
  #answer<T>(
    answers: DigestCache<T>,
    name: string,
    reference: Reference,
    viewer: Viewer,
    ask: () => Promise<T>,
  ): Promise<Answer<T>> {
    return remembered(answers, `${name} ${viewer.fingerprint}`, async () => {
      try {
        return { found: await ask() };
      } catch (error) {
        return this.#explain(error, reference, viewer);
      }
    });
  }

  #explain(error: unknown, reference: Reference, { found, secrets }: Viewer) {
    const failure = atCommandLine(explain(error, circumstances(found, secrets)), error);
    if (failure.label === 'not_found') return { missing: failure.cause };
    const isHosts = error instanceof RegistryError && ofHost.has(error.failure);
    const about = isHosts ? reference.domain : repository(reference);
    const key = isHosts ? `${about} ${failure.label}` : `${about} ${sentence(failure)}`;
    const problem = this.#troubles.get(key) ?? `${about}: ${sentence(failure)}`;
    this.#troubles.set(key, problem);
    return { problem };
  }
}

/** What is the matter with a registry, and not with one of its images. */
const ofHost: ReadonlySet<RegistryFailure> = new Set<RegistryFailure>([
  'rate_limited',
  'busy',
  'unavailable',
  'timeout',
  'network',
  'untrusted',
  'invalid_host',
  'forbidden_address',
]);

function remembered<T>(known: Map<string, Promise<T>>, key: string, ask: () => Promise<T>): Promise<T> {
  const answer = known.get(key) ?? ask();
  known.set(key, answer);
  return answer;
}
