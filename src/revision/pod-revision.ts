import type { Digest } from '../image/digest.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import type { Pod } from '../pin/pod.ts';
import type { Pins } from './pins.ts';

/** What is known of an image's digest before a registry is asked. */
export type KnownDigest = {
  /** The image is of the revision's template, and its stored pins have no digest for it. */
  lacked: boolean;
} & (
  | { digest: Digest; source: 'revision' | 'sibling' }
  | {
      digest?: undefined;
      /** What a pod of the revision runs, according to its node. It decides if the registry has it. */
      reported: Digest | undefined;
      /**
       * To be called with the digest that the registry gave: another pod of the revision may have been first, and
       * decides for all. Returns that pod's digest; undefined if this one was first.
       */
      agree(digest: Digest): Digest | undefined;
    }
);

/** The part of a pod's revision that pinning uses. */
export interface PodRevision {
  /**
   * The digest of an image in a pod: what its revision stores, else what its oldest pinned sibling has. An image that the stored
   * pins don't name, because another webhook put it into the pods or the configuration skipped it, has siblings all the same.
   *
   * @throws UnreadableRevision, or the signal's reason
   */
  find(image: string, signal: AbortSignal): Promise<KnownDigest>;
}

/** A revision that exists. */
export interface StoredRevision extends PodRevision {
  /**
   * What it stores; undefined if it stores nothing.
   *
   * @throws UnreadableRevision, or the signal's reason
   */
  pins(signal: AbortSignal): Promise<Pins | undefined>;
  /**
   * Its pod template; undefined if it has none that tagpin knows.
   *
   * @throws UnreadableRevision, or the signal's reason
   */
  template(signal: AbortSignal): Promise<Pod | undefined>;
}

/** Thrown when a pod's revision can't be read: pinning without it might give its pods two digests. */
export class UnreadableRevision extends Error {
  override readonly name = 'UnreadableRevision';
  override readonly cause: KubernetesError;

  constructor(cause: KubernetesError) {
    super(cause.message, { cause });
    this.cause = cause;
  }
}

/**
 * The result of reading a revision.
 *
 * @throws UnreadableRevision
 */
export async function readable<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw error instanceof KubernetesError ? new UnreadableRevision(error) : error;
  }
}
