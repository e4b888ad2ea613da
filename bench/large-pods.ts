import { z } from 'zod';
import { podReview } from '../test/support/admission.ts';

export const podsSchema = z.object({
  count: z.number(),
  containers: z.number(),
  /** About how many bytes the review of each has; as few as can be with 0. */
  bytes: z.number(),
  /** Where the images are: `host/app-0:1` and so on. */
  host: z.string(),
  /** The number of the first image, and of how many; each container has the next one. */
  from: z.number(),
  images: z.number(),
});
export type Pods = z.infer<typeof podsSchema>;

/** Reviews of pods as they are created. */
export function* reviewsOf({ count, containers, bytes, host, from, images }: Pods): Generator<string> {
  // What makes a large pod large: many variables, not one long string.
  const variables = Math.max(0, Math.floor((bytes / containers - 200) / 60));
  const env = Array.from({ length: variables }, (_, index) => ({
    name: `VARIABLE_${index}`,
    value: 'a value that is long enough',
  }));
  for (let pod = 0, next = 0; pod < count; pod++) {
    const parts = Array.from({ length: containers }, (_, index) => ({
      name: `c${index}`,
      image: `${host}/app-${from + (next++ % images)}:1`,
      env,
    }));
    yield JSON.stringify(podReview({ metadata: { name: `pod-${pod}` }, spec: { containers: parts } }));
  }
}
