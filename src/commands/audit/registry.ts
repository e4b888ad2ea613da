import type { Cluster } from '../../access/cluster.ts';
import { atCommandLine } from '../../access/remedies.ts';
import { fingerprint } from '../../credentials/credential.ts';
import {
  type ImageCredentials,
  type PodCredentials,
  type PullSpec,
  pullIdentityOf,
} from '../../credentials/pod-credentials.ts';
import type { RegistryEngine } from '../../engine.ts';
import {
  type ImageManifest,
  type RegistryAnswer,
  type RegistryView,
  readBuilt,
  readManifest,
} from '../../fleet/content.ts';
import type { Digest } from '../../image/digest.ts';
import { pullReference, type Reference, repository } from '../../image/reference.ts';
import { RegistryError } from '../../registry/error.ts';
import { meaningOf } from '../../registry/failures.ts';
import { explain, sentence } from '../../resolve/failure.ts';
import type { Resolution } from '../../resolve/resolver.ts';

/** The time for reading one manifest or config: as long as a registry has to resolve a tag. */
const CONTENT_TIMEOUT_MS = 30_000;

type ViewedCluster = Pick<Cluster, 'engine' | 'podCredentials' | 'signal'>;

type Answers<T> = Map<string, Promise<RegistryAnswer<T>>>;

/**
 * Registries as pods see them, with the pods' own pull secrets. An image is asked for once for all pods that have the
 * same credentials for it, in whatever namespace, and no pod gets an answer that other credentials opened.
 */
export class RegistryViews {
  readonly #cluster: ViewedCluster;
  readonly #credentials = new Map<string, PodCredentials>();
  readonly #digests: Answers<Digest> = new Map();
  readonly #manifests: Answers<ImageManifest> = new Map();
  readonly #built: Answers<Date | undefined> = new Map();
  /** What opened each repository, by its name and the credentials tried. */
  readonly #openers = new Map<string, Resolution['credential']>();
  /** The first message about each problem of a registry or repository, so that it is reported once. */
  readonly #problems = new Map<string, string>();

  constructor(cluster: ViewedCluster) {
    this.#cluster = cluster;
  }

  /** The view of a pod of that namespace. */
  for(namespace: string, pull: PullSpec): RegistryView {
    const credentials = this.#credentialsOf(namespace, pull);
    const as = async <T>(
      reference: Reference,
      ask: (atHand: ImageCredentials) => Promise<RegistryAnswer<T>>,
    ): Promise<RegistryAnswer<T>> => {
      try {
        return await ask(await credentials.find(repository(reference)));
      } catch (error) {
        return { problem: `namespace ${namespace}: ${sentence(atCommandLine(explain(error), error))}` };
      }
    };
    return {
      find: (reference) => as(reference, (atHand) => this.#find(reference, atHand)),
      manifest: (reference, digest) => as(reference, (atHand) => this.#manifest(reference, digest, atHand)),
      built: async (reference, config) =>
        (await as(reference, (atHand) => this.#read(reference, config, atHand))).found,
    };
  }

  #credentialsOf(namespace: string, pull: PullSpec): PodCredentials {
    const identity = pullIdentityOf(namespace, pull);
    const key = JSON.stringify(identity);
    return remembered(this.#credentials, key, () => this.#cluster.podCredentials(identity));
  }

  #find(reference: Reference, atHand: ImageCredentials): Promise<RegistryAnswer<Digest>> {
    return this.#ask(this.#digests, pullReference(reference), reference, atHand, async () => {
      const { engine, signal } = this.#cluster;
      const { digest, credential } = await engine.resolver.resolve(reference, atHand.credentials, signal);
      this.#openers.set(keyOf(repository(reference), atHand), credential);
      // A registry may answer a sha512 with its sha256; the digest that was asked for exists.
      return reference.digest ?? digest;
    });
  }

  #manifest(
    reference: Reference,
    digest: Digest,
    atHand: ImageCredentials,
  ): Promise<RegistryAnswer<ImageManifest>> {
    const name = `${repository(reference)}@${digest}`;
    return this.#ask(this.#manifests, name, reference, atHand, async () => {
      const content = await this.#content(reference, { kind: 'manifest', digest }, atHand);
      return readManifest(content.bytes, content.lastModified);
    });
  }

  #read(
    reference: Reference,
    digest: Digest,
    atHand: ImageCredentials,
  ): Promise<RegistryAnswer<Date | undefined>> {
    const name = `${repository(reference)}@${digest}`;
    return this.#ask(this.#built, name, reference, atHand, async () =>
      readBuilt((await this.#content(reference, { kind: 'blob', digest }, atHand)).bytes),
    );
  }

  /** With the credential that opened the repository before, because the tag is always resolved first. */
  #content(
    reference: Reference,
    what: Parameters<RegistryEngine['client']['content']>[1],
    atHand: ImageCredentials,
  ) {
    const credential = this.#openers.get(keyOf(repository(reference), atHand));
    const { engine } = this.#cluster;
    const signal = AbortSignal.any([this.#cluster.signal, AbortSignal.timeout(CONTENT_TIMEOUT_MS)]);
    return engine.client.content(reference, what, credential, signal);
  }

  /** Asks once for all pods with the same credentials. */
  #ask<T>(
    answers: Answers<T>,
    name: string,
    reference: Reference,
    atHand: ImageCredentials,
    ask: () => Promise<T>,
  ): Promise<RegistryAnswer<T>> {
    return remembered(answers, keyOf(name, atHand), async () => {
      try {
        return { found: await ask() };
      } catch (error) {
        return this.#explain(error, reference, atHand);
      }
    });
  }

  #explain(error: unknown, reference: Reference, atHand: ImageCredentials): RegistryAnswer<never> {
    const failure = atCommandLine(explain(error, atHand), error);
    if (failure.label === 'not_found') return { missing: failure.cause };
    const isHosts = error instanceof RegistryError && meaningOf(error.failure).about === 'host';
    const subject = isHosts ? reference.domain : repository(reference);
    const key = `${subject} ${isHosts ? failure.label : sentence(failure)}`;
    return { problem: remembered(this.#problems, key, () => `${subject}: ${sentence(failure)}`) };
  }
}

const keyOf = (name: string, { credentials }: ImageCredentials) => `${name} ${fingerprint(credentials)}`;

function remembered<T>(known: Map<string, T>, key: string, make: () => T): T {
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}
