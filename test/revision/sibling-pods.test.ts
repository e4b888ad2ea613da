import { expect, test } from 'vitest';
import { sha256 } from '../../src/image/digest.ts';
import { runningPodSchema } from '../../src/revision/running-pod.ts';
import { evidenceIn } from '../../src/revision/sibling-pods.ts';

const [one, two] = [sha256('one'), sha256('two')];

const pod = (name: string, seconds: number, image: string, written: object = { web: 'quay.io/web:1' }) =>
  runningPodSchema.parse({
    metadata: {
      name,
      creationTimestamp: new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString(),
      annotations: { 'tagpin.dev/images': JSON.stringify(written) },
    },
    spec: { containers: [{ name: 'web', image }] },
  });

test('the oldest pinned pod decides, whatever the order', () => {
  const pods = [
    pod('unpinned', 0, 'quay.io/web:1', {}),
    pod('old', 1, `quay.io/web@${one}`),
    pod('new', 2, `quay.io/web@${two}`),
  ];
  const expected = new Map([['quay.io/web:1', one]]);
  expect(evidenceIn(pods).pinned).toEqual(expected);
  expect(evidenceIn([...pods].reverse()).pinned).toEqual(expected);
});

test('of two created in the same second, the first by name does', () => {
  const pods = [pod('b', 0, `quay.io/web@${two}`), pod('a', 0, `quay.io/web@${one}`)];
  expect(evidenceIn(pods).pinned.get('quay.io/web:1')).toBe(one);
});

test('what a pod says of itself counts only as far as its image bears it out', () => {
  const pods = [
    pod('tag', 0, 'quay.io/web:2'),
    pod('other', 0, `quay.io/other@${one}`),
    pod('unnamed', 0, `quay.io/web@${one}`, { sidecar: 'quay.io/web:1' }),
    pod('junk', 0, `quay.io/web@${one}`, ['quay.io/web:1']),
  ];
  expect(evidenceIn(pods).pinned).toEqual(new Map());
});

/** A pod that runs an image by tag. */
const running = (name: string, seconds: number, image: string, imageID: string) =>
  runningPodSchema.parse({
    ...pod(name, seconds, image, {}),
    status: { containerStatuses: [{ name: 'web', imageID }] },
  });

test('what nodes report of an image by tag is told apart, and the oldest pod decides', () => {
  const pods = [
    running('new', 2, 'quay.io/web:1', `quay.io/web@${two}`),
    running('old', 1, 'quay.io/web:1', `quay.io/web@${one}`),
    running('waiting', 0, 'quay.io/web:1', ''),
  ];
  expect(evidenceIn(pods)).toEqual({ pinned: new Map(), reported: new Map([['quay.io/web:1', one]]) });
});

test('a node reports nothing that counts of a pinned image, or of an image it has loaded', () => {
  const pods = [
    running('pinned', 0, `quay.io/web@${one}`, `quay.io/web@${two}`),
    running('loaded', 0, 'quay.io/web:1', one),
  ];
  expect(evidenceIn(pods).reported).toEqual(new Map());
});
