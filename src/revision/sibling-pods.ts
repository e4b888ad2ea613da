import type { Digest } from '../image/digest.ts';
import { digestPinnedFrom } from '../pin/annotations.ts';
import { type RunningPod, readImageId, readReference, runningImages } from './running-pod.ts';

/** What pods show of the digests that their revision runs: for each image as written, that of the oldest pod that shows one. */
export interface SiblingEvidence {
  /** Pods are pinned to it. */
  readonly pinned: ReadonlyMap<string, Digest>;
  /** Pods run the image by tag, and their nodes report what they pulled. It counts only if the image's own repository has the digest. */
  readonly reported: ReadonlyMap<string, Digest>;
}

export const noEvidence: SiblingEvidence = { pinned: new Map(), reported: new Map() };

/** The evidence in pods. That of the oldest counts, so that the result is the same at any time. */
export function evidenceIn(pods: readonly RunningPod[]): SiblingEvidence {
  const ages = ({ metadata: { creationTimestamp, name } }: RunningPod) =>
    `${creationTimestamp ?? ''} ${name ?? ''}`;
  const youngestFirst = [...pods].sort((a, b) => (ages(a) < ages(b) ? 1 : -1));
  return {
    pinned: new Map(youngestFirst.flatMap(pinnedImages)),
    reported: new Map(youngestFirst.flatMap(reportedImages)),
  };
}

/** What a pod was pinned to. Its annotation counts only where its images confirm it. */
function pinnedImages(pod: RunningPod): [string, Digest][] {
  return runningImages(pod).flatMap(({ image, written }): [string, Digest][] => {
    const digest = written === undefined ? undefined : digestPinnedFrom(image, written);
    return written === undefined || digest === undefined ? [] : [[written, digest]];
  });
}

/** What a node has pulled for images by tag, perhaps from another repository that has the same content. */
function reportedImages(pod: RunningPod): [string, Digest][] {
  return runningImages(pod).flatMap(({ image, imageId }): [string, Digest][] => {
    const id = imageId === undefined ? undefined : readImageId(imageId);
    const reference = id === undefined ? undefined : readReference(image);
    if (id === undefined || reference === undefined || reference.digest !== undefined) return [];
    return [[image, id.digest]];
  });
}
