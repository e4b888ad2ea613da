import { z } from 'zod';
import type { Digest } from '../image/digest.ts';
import { InvalidReference, parseReference, type Reference } from '../image/reference.ts';
import { writtenImages } from '../pin/annotations.ts';
import { podSchema } from '../pin/pod.ts';
import { type ImageField, walk } from '../pin/walk.ts';

const statuses = z
  .array(z.object({ name: z.string().default(''), imageID: z.string().nullish() }))
  .nullish()
  .transform((list) => list ?? []);

/** A pod with its status, in which the node reports what it runs. */
export const runningPodSchema = podSchema.extend({
  status: z
    .object({
      phase: z.string().nullish(),
      containerStatuses: statuses,
      initContainerStatuses: statuses,
      ephemeralContainerStatuses: statuses,
    })
    .nullish(),
});
export type RunningPod = z.infer<typeof runningPodSchema>;

/** One image of a pod. */
export interface RunningImage extends Pick<ImageField, 'place' | 'name' | 'image'> {
  /** The image before it was pinned, by the pod's annotation. */
  written: string | undefined;
  /** What the node pulled for it, as the container runtime reports it. */
  imageId: string | undefined;
}

/** Whether a pod has finished or is being deleted, and so is no evidence of what its revision runs now. */
export function isDone({ metadata, status }: RunningPod): boolean {
  return Boolean(metadata.deletionTimestamp) || status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** The images of a pod, in the order of {@link walk}. */
export function runningImages(pod: RunningPod): RunningImage[] {
  const written = writtenImages(pod);
  const ids: Partial<Record<ImageField['place'], ReadonlyMap<string, string>>> = {
    'init container': imageIds(pod.status?.initContainerStatuses),
    container: imageIds(pod.status?.containerStatuses),
    'ephemeral container': imageIds(pod.status?.ephemeralContainerStatuses),
  };
  return walk(pod.spec).map(({ place, name, image }) => ({
    place,
    name,
    image,
    written: written.get(name),
    imageId: ids[place]?.get(name),
  }));
}

function imageIds(list: readonly { name: string; imageID?: string | null | undefined }[] = []) {
  return new Map(list.flatMap(({ name, imageID }): [string, string][] => (imageID ? [[name, imageID]] : [])));
}

/**
 * Reads `registry/repository@sha256:…`, which cri-dockerd prefixes with `docker-pullable://`. Anything else is an id
 * that only its node knows (kubernetes pkg/kubelet/kuberuntime/helpers.go, cri-dockerd core/container_status.go).
 */
export function readImageId(imageId: string): (Reference & { digest: Digest }) | undefined {
  const id = readReference(imageId.replace(/^docker-pullable:\/\//, ''));
  return id?.digest === undefined ? undefined : { ...id, digest: id.digest };
}

/** A reference; undefined if the text is none. */
export function readReference(image: string): Reference | undefined {
  try {
    return parseReference(image);
  } catch (error) {
    if (error instanceof InvalidReference) return undefined;
    throw error;
  }
}
