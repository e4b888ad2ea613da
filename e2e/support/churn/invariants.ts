import { z } from 'zod';
import { membershipOf } from '../../../src/revision/membership.ts';
import {
  type RunningPod,
  readImageId,
  runningImages,
  runningPodSchema,
} from '../../../src/revision/running-pod.ts';
import { succeed } from '../command.ts';
import type { Namespace } from '../namespace.ts';

const list = z.object({
  items: z.array(runningPodSchema.and(z.object({ metadata: z.object({ uid: z.string() }) }))),
});
export type ListedPod = z.infer<typeof list>['items'][number];

export const podsIn = async ({ kubectl }: Namespace): Promise<ListedPod[]> =>
  list.parse(JSON.parse(await succeed(kubectl(['get', 'pods', '--output=json'])))).items;

/** Revisions with two digests of one image as written, each with the pods that run them; none if all is well. */
export function twoDigests(namespace: string, pods: readonly RunningPod[]): string[] {
  const digests = new Map<string, Map<string, string[]>>();
  for (const pod of pods) {
    const membership = membershipOf(namespace, pod.metadata);
    if (membership === undefined) continue;
    const { owner, stored } = membership;
    for (const { image, written } of runningImages(pod)) {
      const digest = readImageId(image)?.digest;
      if (written === undefined || digest === undefined) continue;
      const key = `${stored?.kind} ${stored?.name} ${owner.uid}: ${written}`;
      const seen = digests.get(key) ?? new Map<string, string[]>();
      seen.set(digest, [...(seen.get(digest) ?? []), pod.metadata.name ?? '']);
      digests.set(key, seen);
    }
  }
  return [...digests]
    .filter(([, seen]) => seen.size > 1)
    .map(
      ([key, seen]) =>
        `${key}: ${[...seen].map(([digest, names]) => `${digest} ${names.join(' ')}`).join('; ')}`,
    );
}

/** Images by tag. */
export const unpinned = (pods: readonly RunningPod[]): string[] =>
  pods.flatMap((pod) =>
    runningImages(pod)
      .filter(({ image }) => !image.includes('@sha256:'))
      .map(({ image }) => `${pod.metadata.name}: ${image}`),
  );
