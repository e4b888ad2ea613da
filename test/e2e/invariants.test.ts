import { expect, test } from 'vitest';
import { twoDigests, unpinned } from '../../e2e/support/churn/invariants.ts';
import { sha256 } from '../../src/image/digest.ts';
import { runningPodSchema } from '../../src/revision/running-pod.ts';

const [one, two] = [sha256('one'), sha256('two')];

const pod = (name: string, image: string, { uid = 'u1', written = 'quay.io/web:1' } = {}) =>
  runningPodSchema.parse({
    metadata: {
      name,
      labels: { 'pod-template-hash': 'abc' },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-abc', uid, controller: true },
      ],
      annotations: { 'tagpin.dev/images': JSON.stringify({ web: written }) },
    },
    spec: { containers: [{ name: 'web', image }] },
  });

test('two digests of one image in a revision are seen, with or without its tag', () => {
  const pods = [pod('a', `quay.io/web@${one}`), pod('b', `quay.io/web:1@${two}`)];
  expect(twoDigests('default', pods)).toEqual([`ReplicaSet web-abc u1: quay.io/web:1: ${one} a; ${two} b`]);
});

test('two revisions, or two images, may have two digests', () => {
  const first = pod('a', `quay.io/web@${one}`);
  const second = pod('b', `quay.io/web@${two}`, { uid: 'u2' });
  const other = pod('c', `quay.io/web@${two}`, { written: 'quay.io/web:2' });
  expect(twoDigests('default', [first, second, other])).toEqual([]);
});

test('images by tag are seen', () => {
  expect(unpinned([pod('a', 'quay.io/web:1'), pod('b', `quay.io/web@${one}`)])).toEqual(['a: quay.io/web:1']);
});
