import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Digest } from '../image/digest.ts';
import { type KubernetesApi, objectMetadata } from '../kubernetes/api.ts';
import { pathOf, resources } from '../kubernetes/resources.ts';
import { SharedReads } from '../kubernetes/shared-reads.ts';
import type { ReadTurns } from '../kubernetes/turns.ts';
import type { Pod } from '../pin/pod.ts';
import { templateOf } from '../pin/pod-template.ts';
import { hashOf, revisionKinds } from './kinds.ts';
import { keyOf, type Membership, membershipOf, stores } from './membership.ts';
import { BELIEVED_MS, type Pins, readPins } from './pins.ts';
import { type KnownDigest, readable, type StoredRevision } from './pod-revision.ts';
import { type RunningPod, runningPodSchema } from './running-pod.ts';
import { evidenceIn, noEvidence, type SiblingEvidence } from './sibling-pods.ts';

export interface RevisionOptions {
  /** Milliseconds for which stored pins that were read are cached. */
  age?: number;
  /** The same for pins that lack the image: a burst of pods reads them once, and what is added to them counts soon. */
  lackingAge?: number;
  /** Milliseconds for which the digests of pinned siblings are cached, at least: those of many pods take long to list. */
  siblingAge?: number;
  /** Bounds the reads at once. */
  turns?: ReadTurns;
  /**
   * Milliseconds for which this process remembers what pods agreed on. It counts only until the API server shows one of them,
   * because a pod may be refused in the end, and another replica decide otherwise.
   */
  agreementAge?: number;
}

/** Pods in one answer: 1 to 2 MB in most clusters, which is parsed in 20 ms. */
export const PAGE_SIZE = 100;
/** Pods that are read of a list: far more than those of any revision whose digests aren't stored. */
export const MAX_PODS = 10_000;
/** A list is used for so many times as long as it took, so that listing a large revision again and again is no load. */
const LIST_SHARE = 20;
const MAX_SIBLING_AGE_MS = 60_000;
const MAX_AGREEMENTS = 10_000;
/** Characters of stored pins that are cached. */
const MAX_PINS_SIZE = 32 * 1024 * 1024;

const wholeRevision = z.looseObject({ metadata: objectMetadata });

/** Finds the digests that a pod's revision has already: one rollout, one digest. */
export class RevisionDigests {
  readonly #api: Pick<KubernetesApi, 'readMetadata' | 'read' | 'list'>;
  readonly #age: number;
  readonly #lackingAge: number;
  readonly #siblingAge: number;
  readonly #read = new LRUCache<string, { pins: Pins | undefined; at: number }>({
    maxSize: MAX_PINS_SIZE,
    sizeCalculation: ({ pins }, key) => key.length + sizeOf(pins),
  });
  readonly #reads: SharedReads<Pins | undefined>;
  readonly #templates: SharedReads<z.infer<typeof wholeRevision> | undefined>;
  readonly #lists: SharedReads<SiblingEvidence>;
  readonly #siblings = new LRUCache<string, { evidence: SiblingEvidence; until: number }>({
    maxSize: MAX_PINS_SIZE,
    sizeCalculation: ({ evidence }, key) => key.length + sizeOf(evidence.pinned) + sizeOf(evidence.reported),
  });
  readonly #agreed: LRUCache<string, Digest>;

  constructor(api: Pick<KubernetesApi, 'readMetadata' | 'read' | 'list'>, options: RevisionOptions = {}) {
    const { age = BELIEVED_MS, lackingAge = 2_000, siblingAge = 2_000 } = options;
    const { agreementAge = 60_000, turns } = options;
    this.#api = api;
    this.#reads = new SharedReads(turns?.objects);
    this.#templates = new SharedReads(turns?.objects);
    this.#lists = new SharedReads(turns?.lists);
    this.#age = age;
    this.#lackingAge = lackingAge;
    this.#siblingAge = siblingAge;
    this.#agreed = new LRUCache({ max: MAX_AGREEMENTS, ttl: agreementAge });
  }

  /**
   * The revision that a pod is of.
   *
   * @param remember whether later pods may rely on what is resolved: not in a dry run
   */
  of(membership: Membership, { remember }: { remember: boolean }): StoredRevision {
    return {
      find: (image, signal) => this.#find(membership, image, signal, remember),
      pins: (signal) => this.#pins(membership, undefined, signal),
      template: (signal) => this.#template(membership, signal),
    };
  }

  async #find(
    membership: Membership,
    image: string,
    signal: AbortSignal,
    remember: boolean,
  ): Promise<KnownDigest> {
    const pins = await this.#pins(membership, image, signal);
    const stored = pins?.get(image);
    if (stored) return { digest: stored, source: 'revision', lacked: false };
    const lacked = stored === null;
    const siblings = await this.#evidence(membership, image, signal);
    const pinned = siblings.pinned.get(image);
    if (pinned !== undefined) return { digest: pinned, source: 'sibling', lacked };
    const key = `${keyOf(membership)} ${image}`;
    const agreed = this.#agreed.get(key);
    if (agreed !== undefined) return { digest: agreed, source: 'sibling', lacked };
    return {
      lacked,
      reported: siblings.reported.get(image),
      agree: (digest) => {
        const first = this.#agreed.get(key);
        if (first === undefined && remember) this.#agreed.set(key, digest);
        return first;
      },
    };
  }

  /** @param image that they may lack; undefined if that doesn't matter */
  async #pins(
    membership: Membership,
    image: string | undefined,
    signal: AbortSignal,
  ): Promise<Pins | undefined> {
    const { namespace, stored } = membership;
    if (stored === undefined) return undefined;
    const path = pathOf(revisionKinds[stored.kind].resource, namespace, stored.name);
    if (path === undefined) return undefined;
    const key = keyOf(membership);
    const known = this.#read.get(key);
    if (known !== undefined) {
      // A ControllerRevision can be made again under its name; a ReplicaSet or a Job then has another uid.
      const isSame = stored.kind !== 'ControllerRevision' && (image === undefined || known.pins?.get(image));
      const age = isSame ? this.#age : this.#lackingAge;
      if (performance.now() - known.at < age) return known.pins;
    }
    const read = this.#reads.get({ namespace, path, key }, signal, async (readSignal) => {
      const pins = await this.#readPins(membership, stored, readSignal);
      this.#read.set(key, { pins, at: performance.now() });
      return pins;
    });
    return await readable(read);
  }

  async #template(membership: Membership, signal: AbortSignal): Promise<Pod | undefined> {
    const { namespace, stored } = membership;
    const path = stored && pathOf(revisionKinds[stored.kind].resource, namespace, stored.name);
    if (stored === undefined || path === undefined) return undefined;
    const { resource } = revisionKinds[stored.kind];
    const target = { namespace, path, key: 'template' };
    const read = this.#templates.get(target, signal, (readSignal) =>
      this.#api.read(resource, namespace, stored.name, wholeRevision, readSignal),
    );
    const object = await readable(read);
    return object && stores(membership, object.metadata) ? templateOf(stored.kind, object) : undefined;
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

  async #evidence(membership: Membership, image: string, signal: AbortSignal): Promise<SiblingEvidence> {
    const { namespace, selector } = membership;
    const path = pathOf(resources.Pod, namespace);
    if (selector === undefined || path === undefined) return noEvidence;
    const key = keyOf(membership);
    const known = this.#siblings.get(key);
    if (known?.evidence.pinned.has(image) && performance.now() < known.until) return known.evidence;
    const list = this.#lists.get({ namespace, path, key }, signal, async (listSignal) => {
      const started = performance.now();
      const evidence = evidenceIn(await this.#listSiblings(membership, selector, listSignal));
      const took = performance.now() - started;
      const age = Math.max(this.#siblingAge, Math.min(took * LIST_SHARE, MAX_SIBLING_AGE_MS));
      this.#siblings.set(key, { evidence, until: started + age });
      return evidence;
    });
    return await readable(list);
  }

  async #listSiblings(membership: Membership, labelSelector: string, signal: AbortSignal) {
    const { namespace, owner, stored } = membership;
    const siblings: RunningPod[] = [];
    const options = { labelSelector, pageSize: PAGE_SIZE };
    let count = 0;
    for await (const pod of this.#api.list(resources.Pod, namespace, runningPodSchema, signal, options)) {
      const theirs = membershipOf(namespace, pod.metadata);
      if (theirs?.owner.uid === owner.uid && theirs.stored?.name === stored?.name) siblings.push(pod);
      if (++count === MAX_PODS) break;
    }
    return siblings;
  }
}

function sizeOf(pins: Pins | SiblingEvidence['pinned'] | undefined): number {
  let size = 1;
  for (const [image, digest] of pins ?? []) size += image.length + (digest?.length ?? 0);
  return size;
}
