import { type RunningImage, type RunningPod, runningImages } from '../revision/running-pod.ts';

/** Pods of a revision that run the same images. */
export interface Cohort {
  readonly images: readonly RunningImage[];
  pods: number;
  /** The creation time and name of the first and of the last of them, in a form that sorts by time. */
  oldest: string;
  newest: string;
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
