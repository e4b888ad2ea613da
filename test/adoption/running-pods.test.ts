import { describe, expect, test } from 'vitest';
import { Cohorts } from '../../src/adoption/running-pods.ts';
import { sha256 } from '../../src/image/digest.ts';
import { isDone, runningPodSchema } from '../../src/revision/running-pod.ts';
import { cohortsOf, runningPod } from './cohorts.ts';

const [one, two] = [sha256('one'), sha256('two')].map((digest) => `quay.io/team/web@${digest}`);
const jan1 = '2026-01-01T00:00:0';

describe('pods are kept by what they run', () => {
  test('with their number and the ages of the first and the last', () => {
    const pods = [3, 1, 2].map((seconds) => ({ seconds, imageId: one ?? '' }));
    expect(cohortsOf(...pods, { seconds: 5, imageId: two ?? '' })).toMatchObject([
      { pods: 3, oldest: `${jan1}1.000Z pod-1`, newest: `${jan1}3.000Z pod-3` },
      { pods: 1, oldest: `${jan1}5.000Z pod-5`, newest: `${jan1}5.000Z pod-5` },
    ]);
  });

  test('in constant memory, however many there are', () => {
    const cohorts = new Cohorts();
    for (let seconds = 0; seconds < 10_000; seconds++)
      cohorts.add(runningPod({ seconds, imageId: one ?? '' }));
    expect(cohorts.all()).toHaveLength(1);
  });

  test('place by place: a volume and an init container may share their name with a container', () => {
    const cohorts = new Cohorts();
    cohorts.add(
      runningPodSchema.parse({
        metadata: { name: 'web', annotations: { 'tagpin.dev/images': '{"app":"quay.io/x:1"}' } },
        spec: {
          volumes: [{ name: 'app', image: { reference: 'v' } }],
          initContainers: [{ name: 'init', image: 'i' }],
          containers: [{ name: 'app', image: 'c' }],
        },
        status: {
          initContainerStatuses: [{ name: 'init', imageID: 'init-id' }],
          containerStatuses: [{ name: 'app', imageID: 'app-id' }],
        },
      }),
    );
    expect(cohorts.all()[0]?.images).toEqual([
      { place: 'image volume', name: 'app', image: 'v', written: 'quay.io/x:1', imageId: undefined },
      { place: 'init container', name: 'init', image: 'i', written: undefined, imageId: 'init-id' },
      { place: 'container', name: 'app', image: 'c', written: 'quay.io/x:1', imageId: 'app-id' },
    ]);
  });

  test('even without a status', () => {
    const cohorts = new Cohorts();
    cohorts.add(
      runningPodSchema.parse({ metadata: {}, spec: { containers: [{ name: 'app', image: 'c' }] } }),
    );
    expect(cohorts.all()).toMatchObject([{ pods: 1, images: [{ imageId: undefined }] }]);
  });
});

test.each([
  [false, { phase: 'Running' }, {}],
  [false, { phase: 'Pending' }, {}],
  [true, { phase: 'Succeeded' }, {}],
  [true, { phase: 'Failed' }, {}],
  [true, { phase: 'Running' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }],
])('a pod is done: %j, with %j and %j', (expected, status, metadata) => {
  expect(isDone(runningPodSchema.parse({ metadata, spec: {}, status }))).toBe(expected);
});
