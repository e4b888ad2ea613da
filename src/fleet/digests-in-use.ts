import type { Digest } from '../image/digest.ts';
import { InvalidReference, parseReference, type Reference, repository } from '../image/reference.ts';
import type { Pod } from '../pin/pod.ts';
import { walk } from '../pin/walk.ts';
import type { Pins } from '../revision/pins.ts';
import { type RunningPod, readImageId, runningImages } from '../revision/running-pod.ts';

/**
 * Why a digest must not be deleted: a pod's spec names it, a pod's node reports that it pulled it, a revision stores it
 * for its pods, or a template names it.
 */
export type Why = 'spec' | 'imageID' | 'stored' | 'template';

/** What needs a digest. */
export interface Use {
  namespace: string;
  /** `replicaset/web-5d4f9c`: the object, or for pods their controller, or the pod itself if nothing controls it. */
  by: string;
  why: Why;
  /** How many pods; none for an object that may still create some. */
  pods: number;
}

/** A digest that must not be deleted from its repository. */
export interface DigestInUse {
  /** `docker.io/library/nginx` */
  repository: string;
  digest: Digest;
  uses: readonly Use[];
  /**
   * Whether a pod will be pulled by this digest from this repository. Where only a node's report says that it might, the
   * repository needn't have it.
   */
  isCertain: boolean;
}

interface Entry {
  readonly repository: string;
  readonly digest: Digest;
  readonly uses: Map<string, Use>;
  isCertain: boolean;
}

/** Collects digests in use. Pods of one controller are counted, so that memory doesn't grow with their number. */
export class DigestsInUse {
  readonly #entries = new Map<string, Entry>();

  /** Sorted by repository and digest. */
  all(): DigestInUse[] {
    return [...this.#entries]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { uses, ...entry }]) => ({ ...entry, uses: [...uses.values()] }));
  }

  /**
   * The digests that a pod's images name, and those that its node reports. A container runtime reports the first name it
   * saw of the same content, perhaps of another repository: then the image's own may have the digest too.
   */
  addPod(pod: RunningPod, namespace: string, by: string): void {
    for (const { image, imageId } of runningImages(pod)) {
      const reference = read(image);
      const name = reference && repository(reference);
      const use = { namespace, by, pods: 1 };
      if (reference?.digest !== undefined) this.#addAt(reference, reference.digest, { ...use, why: 'spec' });
      const reported = imageId === undefined ? undefined : readImageId(imageId);
      if (reference === undefined || reported === undefined || reported.digest === reference.digest) continue;
      const isOwn = repository(reported) === name;
      if (!isOwn && reference.digest !== undefined) continue;
      const isCertain = isOwn && reference.digest === undefined;
      this.#addAt(reference, reported.digest, { ...use, why: 'imageID' }, isCertain);
    }
  }

  /** All digests of another collection. */
  addAll(other: DigestsInUse): void {
    for (const entry of other.#entries.values()) {
      for (const use of entry.uses.values()) this.#add(entry.repository, entry.digest, use, entry.isCertain);
    }
  }

  /** The digests that a pod template names. */
  addTemplate(template: Pod | undefined, namespace: string, by: string): void {
    for (const { image } of template === undefined ? [] : walk(template.spec)) {
      const reference = read(image);
      if (reference?.digest === undefined) continue;
      this.#addAt(reference, reference.digest, { namespace, by, why: 'template', pods: 0 });
    }
  }

  /** The digests that a revision stores for its pods. */
  addPins(pins: Pins | undefined, namespace: string, by: string): void {
    for (const [image, digest] of pins ?? []) {
      const reference = read(image);
      if (reference === undefined || digest === null) continue;
      this.#addAt(reference, digest, { namespace, by, why: 'stored', pods: 0 });
    }
  }

  #addAt(reference: Reference, digest: Digest, use: Use, isCertain = true): void {
    // An image without a registry can't be pulled.
    if (reference.domain !== '') this.#add(repository(reference), digest, use, isCertain);
  }

  #add(name: string, digest: Digest, use: Use, isCertain: boolean): void {
    const key = `${name}@${digest}`;
    const fresh = { repository: name, digest, uses: new Map<string, Use>(), isCertain: false };
    const entry = this.#entries.get(key) ?? fresh;
    const useKey = `${use.namespace} ${use.by} ${use.why}`;
    const pods = (entry.uses.get(useKey)?.pods ?? 0) + use.pods;
    entry.uses.set(useKey, { ...use, pods });
    entry.isCertain ||= isCertain;
    this.#entries.set(key, entry);
  }
}

function read(image: string): Reference | undefined {
  try {
    return parseReference(image);
  } catch (error) {
    if (error instanceof InvalidReference) return undefined;
    throw error;
  }
}
