import type { Digest } from '../image/digest.ts';
import { digestPinnedFrom, writtenImages } from '../pin/annotations.ts';
import type { Pod } from '../pin/pod.ts';
import { walk } from '../pin/walk.ts';

/** What a pod was pinned to: image as written → digest. Its annotation counts only where its images confirm it. */
export function pinnedImages(pod: Pod): ReadonlyMap<string, Digest> {
  const written = writtenImages(pod);
  return new Map(
    walk(pod.spec).flatMap(({ name, image }): [string, Digest][] => {
      const original = written.get(name);
      const digest = original === undefined ? undefined : digestPinnedFrom(image, original);
      return original === undefined || digest === undefined ? [] : [[original, digest]];
    }),
  );
}

/** For each image, the digest of the oldest pod that is pinned from it, so that the result is the same at any time. */
export function eldestPins(pods: readonly Pod[]): ReadonlyMap<string, Digest> {
  const ages = ({ metadata: { creationTimestamp, name } }: Pod) => `${creationTimestamp ?? ''} ${name ?? ''}`;
  const youngestFirst = [...pods].sort((a, b) => (ages(a) < ages(b) ? 1 : -1));
  return new Map(youngestFirst.flatMap((pod) => [...pinnedImages(pod)]));
}
