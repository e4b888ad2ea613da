import { z } from 'zod';
import { writtenImages } from '../pin/annotations.ts';
import { podSchema } from '../pin/pod.ts';
import { type ImageField, walk } from '../pin/walk.ts';

const statuses = z
  .array(z.object({ name: z.string().default(''), imageID: z.string().nullish() }))
  .nullish()
  .transform((list) => list ?? []);

/** A pod with what its node says that it runs. */
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

/** What a pod has of one image. */
export interface RunningImage extends Pick<ImageField, 'place' | 'name' | 'image'> {
  /** What its annotation says was written there before it was pinned. */
  written: string | undefined;
  /** What its node has pulled for it, in the words of the container runtime. */
  imageId: string | undefined;
}

/** Pods of a revision that have all of this in common. */
export interface Cohort {
  readonly images: readonly RunningImage[];
  pods: number;
  /** When the first and the last of them were created, and their names: they sort as the pods do. */
  oldest: string;
  newest: string;
}

/** A pod that is done, or about to go, says nothing of what its revision runs now. */
export function isDone({ metadata, status }: RunningPod): boolean {
  return Boolean(metadata.deletionTimestamp) || status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** Pods, kept by what they run and not one by one: however many there are, they mostly run the same. */
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

/** What a pod runs, in the order of {@link walk}. */
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
