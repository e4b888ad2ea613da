import { LRUCache } from 'lru-cache';
import type { Digest } from '../image/digest.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';
import { pathOf, resources } from '../kubernetes/resources.ts';
import { SharedReads } from '../kubernetes/shared-reads.ts';
import type { Turns } from '../kubernetes/turns.ts';
import { type Pod, podSchema } from '../pin/pod.ts';
import { hashOf, revisionKinds } from './kinds.ts';
import { keyOf, type Membership, membershipOf, stores } from './membership.ts';
import { BELIEVED_MS, type Pins, readPins } from './pins.ts';
import { eldestPins } from './sibling-pods.ts';
import { readable } from './unreadable.ts';

/** The digest that a pod gets, and whether its revision should have had it and didn't. */
export interface RevisionDigest<Resolution extends { digest: Digest }> {
  resolution: Resolution | KnownDigest;
  /** The image is of the revision's template, and its pins lack it. */
  lacked: boolean;
}

/** The revision's own, or that of its other pods. */
export interface KnownDigest {
  digest: Digest;
  source: 'revision' | 'sibling';
}

export interface RevisionOptions {
  /** Milliseconds for which pins that were read are believed. */
  age?: number;
  /** The same for pins that lack what is looked for: a burst of pods asks once, whoever has added it isn't kept waiting. */
  lackingAge?: number;
  /** Bounds the reads at once. */
  turns?: Turns;
  /** For so long pods of this process agree by memory; later ones find those in the API server. */
  agreementAge?: number;
}

const MAX_AGREEMENTS = 10_000;
/** Characters of pins that are kept. */
const MAX_PINS_SIZE = 32 * 1024 * 1024;

/** Gives each pod the digests of its revision: one rollout, one digest. */
export class RevisionDigests {
  readonly #api: Pick<KubernetesApi, 'readMetadata' | 'list'>;
  readonly #age: number;
  readonly #lackingAge: number;
  readonly #read = new LRUCache<string, { pins: Pins | undefined; at: number }>({
    maxSize: MAX_PINS_SIZE,
    sizeCalculation: ({ pins }, key) => key.length + sizeOf(pins),
  });
  readonly #reads: SharedReads<Pins | undefined>;
  readonly #lists: SharedReads<ReadonlyMap<string, Digest>>;
  readonly #agreed: LRUCache<string, Digest>;

  constructor(api: Pick<KubernetesApi, 'readMetadata' | 'list'>, options: RevisionOptions = {}) {
    const { age = BELIEVED_MS, lackingAge = 2_000, agreementAge = 60_000, turns } = options;
    this.#api = api;
    this.#reads = new SharedReads(turns);
    this.#lists = new SharedReads(turns);
    this.#age = age;
    this.#lackingAge = lackingAge;
    this.#agreed = new LRUCache({ max: MAX_AGREEMENTS, ttl: agreementAge });
  }

  /**
   * The digest of an image in a pod: what its revision stores; else, as far as the image may be of the revision's
   * template, what its oldest pinned sibling has; else what `resolve` says, for all its siblings to come.
   *
   * An image that the revision's pins don't name was put into the pod by somebody else, and is resolved for the pod.
   *
   * @param remember whether others may rely on what is resolved: not if the pod is only tried
   * @throws UnreadableRevision, what `resolve` throws, or the signal's reason
   */
  async digestOf<Resolution extends { digest: Digest }>(
    membership: Membership,
    image: string,
    resolve: () => Promise<Resolution>,
    { signal, remember }: { signal: AbortSignal; remember: boolean },
  ): Promise<RevisionDigest<Resolution>> {
    const pins = await this.#pins(membership, image, signal);
    const stored = pins?.get(image);
    if (stored) return { resolution: { digest: stored, source: 'revision' }, lacked: false };
    if (pins !== undefined && stored === undefined) return { resolution: await resolve(), lacked: false };
    const key = `${keyOf(membership)} ${image}`;
    const resolution =
      this.#agreement(key) ?? (await this.#sibling(membership, image, signal)) ?? (await resolve());
    // Others may have been on their way too. The first to arrive decides for all.
    const agreed = this.#agreement(key);
    if (agreed === undefined && remember) this.#agreed.set(key, resolution.digest);
    return { resolution: agreed ?? resolution, lacked: pins !== undefined };
  }

  #agreement(key: string): KnownDigest | undefined {
    const digest = this.#agreed.get(key);
    return digest === undefined ? undefined : { digest, source: 'sibling' };
  }

  async #pins(membership: Membership, image: string, signal: AbortSignal): Promise<Pins | undefined> {
    const { namespace, stored } = membership;
    if (stored === undefined) return undefined;
    const path = pathOf(revisionKinds[stored.kind].resource, namespace, stored.name);
    if (path === undefined) return undefined;
    const key = keyOf(membership);
    const known = this.#read.get(key);
    if (known !== undefined) {
      const age = known.pins?.get(image) ? this.#age : this.#lackingAge;
      if (performance.now() - known.at < age) return known.pins;
    }
    const read = this.#reads.get({ namespace, path, key }, signal, async (readSignal) => {
      const pins = await this.#readPins(membership, stored, readSignal);
      this.#read.set(key, { pins, at: performance.now() });
      return pins;
    });
    return await readable(read);
  }

  async #readPins(
    membership: Membership,
    stored: NonNullable<Membership['stored']>,
    signal: AbortSignal,
  ): Promise<Pins | undefined> {
    const { resource } = revisionKinds[stored.kind];
    const metadata = await this.#api.readMetadata(resource, membership.namespace, stored.name, signal);
    if (metadata === undefined || !stores(membership, metadata)) return undefined;
    return readPins(metadata.annotations, hashOf(stored.kind, metadata.labels));
  }

  async #sibling(
    membership: Membership,
    image: string,
    signal: AbortSignal,
  ): Promise<KnownDigest | undefined> {
    const { namespace, selector } = membership;
    const path = pathOf(resources.Pod, namespace);
    if (selector === undefined || path === undefined) return undefined;
    const target = { namespace, path, key: keyOf(membership) };
    const list = this.#lists.get(target, signal, (listSignal) =>
      this.#listSiblings(membership, selector, listSignal),
    );
    const siblings = await readable(list);
    const digest = siblings.get(image);
    return digest === undefined ? undefined : { digest, source: 'sibling' };
  }

  async #listSiblings(membership: Membership, labelSelector: string, signal: AbortSignal) {
    const { namespace, owner, stored } = membership;
    const siblings: Pod[] = [];
    for await (const pod of this.#api.list(resources.Pod, namespace, podSchema, signal, { labelSelector })) {
      const theirs = membershipOf(namespace, pod.metadata);
      if (theirs?.owner.uid === owner.uid && theirs.stored?.name === stored?.name) siblings.push(pod);
    }
    return eldestPins(siblings);
  }
}

function sizeOf(pins: Pins | undefined): number {
  let size = 1;
  for (const [image, digest] of pins ?? []) size += image.length + (digest?.length ?? 0);
  return size;
}
