import { atCommandLine } from '../../access/remedies.ts';
import { fingerprint } from '../../credentials/credential.ts';
import { type ImageCredentials, PodCredentials, pullIdentityOf } from '../../credentials/pod-credentials.ts';
import type { PullSecrets } from '../../credentials/pull-secrets.ts';
import type { RegistryEngine } from '../../engine.ts';
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
import { RegistryError } from '../../registry/error.ts';
import { meaningOf } from '../../registry/failures.ts';
import { explain, sentence } from '../../resolve/failure.ts';
import type { Resolution } from '../../resolve/resolver.ts';

/** The time for reading one manifest or config: as long as a registry has to resolve a tag. */
const CONTENT_TIMEOUT_MS = 30_000;

type Answers<T> = Map<string, Promise<Answer<T>>>;

/**
 * Registries as pods see them, with the pods' own pull secrets. An image is asked for once for all pods that have the
 * same credentials for it, in whatever namespace, and no pod gets an answer that other credentials opened.
 */
export class RegistryViews {
  readonly #engine: RegistryEngine;
  readonly #pullSecrets: PullSecrets;
  readonly #signal: AbortSignal;
  readonly #credentials = new Map<string, PodCredentials>();
  readonly #digests: Answers<Digest> = new Map();
  readonly #manifests: Answers<Manifest> = new Map();
  readonly #built: Answers<Date | undefined> = new Map();
  /** What opened each repository, by its name and the credentials tried. */
  readonly #openers = new Map<string, Resolution['credential']>();
  /** What was said first of a registry that doesn't answer: once is enough. */
  readonly #problems = new Map<string, string>();

  constructor(engine: RegistryEngine, pullSecrets: PullSecrets, signal: AbortSignal) {
    this.#engine = engine;
    this.#pullSecrets = pullSecrets;
    this.#signal = signal;
  }

  /** As a pod of that namespace sees them. */
  for(namespace: string, pull: PullSpec): RegistryView {
    const credentials = this.#credentialsOf(namespace, pull);
    const as = async <T>(
      reference: Reference,
      ask: (atHand: ImageCredentials) => Promise<Answer<T>>,
    ): Promise<Answer<T>> => {
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
    const read = () => this.#pullSecrets.credentials(identity, this.#signal);
    return remembered(
      this.#credentials,
      JSON.stringify(identity),
      () => new PodCredentials(this.#engine.credentials, read, this.#signal),
    );
  }

  #find(reference: Reference, atHand: ImageCredentials): Promise<Answer<Digest>> {
    return this.#ask(this.#digests, pullReference(reference), reference, atHand, async () => {
      const { resolver } = this.#engine;
      const { digest, credential } = await resolver.resolve(reference, atHand.credentials, this.#signal);
      this.#openers.set(keyOf(repository(reference), atHand), credential);
      // A registry may answer a sha512 with its sha256; the digest that was asked for exists.
      return reference.digest ?? digest;
    });
  }

  #manifest(reference: Reference, digest: Digest, atHand: ImageCredentials): Promise<Answer<Manifest>> {
    const name = `${repository(reference)}@${digest}`;
    return this.#ask(this.#manifests, name, reference, atHand, async () => {
      const content = await this.#content(reference, { kind: 'manifest', digest }, atHand);
      return readManifest(content.bytes, content.lastModified);
    });
  }

  #read(reference: Reference, digest: Digest, atHand: ImageCredentials): Promise<Answer<Date | undefined>> {
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
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(CONTENT_TIMEOUT_MS)]);
    return this.#engine.client.content(reference, what, credential, signal);
  }

  /** Asks once for all pods with the same credentials. */
  #ask<T>(
    answers: Answers<T>,
    name: string,
    reference: Reference,
    atHand: ImageCredentials,
    ask: () => Promise<T>,
  ): Promise<Answer<T>> {
    return remembered(answers, keyOf(name, atHand), async () => {
      try {
        return { found: await ask() };
      } catch (error) {
        return this.#explain(error, reference, atHand);
      }
    });
  }

  #explain(error: unknown, reference: Reference, atHand: ImageCredentials): Answer<never> {
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
