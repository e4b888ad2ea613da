import { Cohorts } from '../../src/adoption/running-pods.ts';
import { decide } from '../../src/pin/decide.ts';
import { type Pod, podTemplateSchema } from '../../src/pin/pod.ts';
import { runningPodSchema } from '../../src/revision/running-pod.ts';

export const written = 'quay.io/team/web:1';

/** A pod of one container, made so many seconds after the first. */
export interface PodOptions {
  seconds?: number;
  name?: string;
  image?: string;
  imageId?: string;
  /** What its annotation remembers. */
  from?: string;
}

export function runningPod({
  seconds = 0,
  name = `pod-${seconds}`,
  image = written,
  imageId,
  from,
}: PodOptions) {
  return runningPodSchema.parse({
    metadata: {
      name,
      creationTimestamp: new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString(),
      ...(from !== undefined && { annotations: { 'tagpin.dev/images': JSON.stringify({ web: from }) } }),
    },
    spec: { containers: [{ name: 'web', image }] },
    status: { phase: 'Running', containerStatuses: [{ name: 'web', ...(imageId && { imageID: imageId }) }] },
  });
}

export function cohortsOf(...pods: PodOptions[]) {
  const cohorts = new Cohorts();
  for (const pod of pods) cohorts.add(runningPod(pod));
  return cohorts.all();
}

export const template = (spec: object = { containers: [{ name: 'web', image: written }] }): Pod =>
  podTemplateSchema.parse({ spec });

export const decided = (of: Pod = template()) => decide(of, { skip: [], honourSkipAnnotation: true });
