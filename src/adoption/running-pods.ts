import { z } from 'zod';
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

/** Pods of a revision that run the same images. */
export interface Cohort {
  readonly images: readonly RunningImage[];
  pods: number;
  /** The creation time and name of the first and of the last of them, in a form that sorts by time. */
  oldest: string;
  newest: string;
}

/** Whether a pod has finished or is being deleted, and so is no evidence of what its revision runs now. */
export function isDone({ metadata, status }: RunningPod): boolean {
  return Boolean(metadata.deletionTimestamp) || status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** Collects pods by what they run. Most pods of a revision run the same, so this stays small for any number of them. */
export class Cohorts {
  readonly #byImages = new Map<string, Cohort>();

  add(pod: RunningPod): void {
    const images = runningImages(pod);
    const key = JSON.stringify(images.map((image) => Object.values(image)));
    const { creationTimestamp, name } = pod.metadata;
    const age = `${creationTimestamp ?? ''} ${name ?? ''}`;
    const cohort = this.#byImages.get(key) ?? { images, pods: 0, oldest: age, newest: age };
    cohort.pods += 1;
    if (age < cohort.oldest) cohort.oldest = age;
    if (age > cohort.newest) cohort.newest = age;
    this.#byImages.set(key, cohort);
  }

  all(): Cohort[] {
    return [...this.#byImages.values()];
  }
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
