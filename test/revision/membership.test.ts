import { describe, expect, test } from 'vitest';
import { hashOf } from '../../src/revision/kinds.ts';
import { keyOf, membershipOf, stores } from '../../src/revision/membership.ts';

const owner = (apiVersion: string, kind: string, name = 'web') => ({
  apiVersion,
  kind,
  name,
  uid: 'u1',
  controller: true,
});
const pod = (labels: Record<string, string>, ...ownerReferences: ReturnType<typeof owner>[]) => ({
  labels,
  ownerReferences,
});
const revisionLabel = (value: string) => ({ 'controller-revision-hash': value });

describe('the object that stores the pins of a pod is', () => {
  test.each([
    [
      "a Deployment's ReplicaSet",
      pod({ 'pod-template-hash': 'abc' }, owner('apps/v1', 'ReplicaSet', 'web-abc')),
      'ReplicaSet',
      'web-abc',
    ],
    [
      "an Argo Rollout's ReplicaSet",
      pod({ 'rollouts-pod-template-hash': 'abc' }, owner('apps/v1', 'ReplicaSet', 'web-abc')),
      'ReplicaSet',
      'web-abc',
    ],
    ['its Job', pod({}, owner('batch/v1', 'Job')), 'Job', 'web'],
    [
      "the revision that a StatefulSet's pod names",
      pod(revisionLabel('web-abc'), owner('apps/v1', 'StatefulSet')),
      'ControllerRevision',
      'web-abc',
    ],
    [
      "the revision whose hash a DaemonSet's pod names",
      pod(revisionLabel('abc'), owner('apps/v1', 'DaemonSet')),
      'ControllerRevision',
      'web-abc',
    ],
    [
      "the revision that an OpenKruise StatefulSet's pod names",
      pod(revisionLabel('web-abc'), owner('apps.kruise.io/v1beta1', 'StatefulSet')),
      'ControllerRevision',
      'web-abc',
    ],
    [
      "the revision whose hash an OpenKruise DaemonSet's pod names",
      pod(revisionLabel('abc'), owner('apps.kruise.io/v1alpha1', 'DaemonSet')),
      'ControllerRevision',
      'web-abc',
    ],
    [
      "the revision that a CloneSet's pod names",
      pod(revisionLabel('web-abc'), owner('apps.kruise.io/v1alpha1', 'CloneSet')),
      'ControllerRevision',
      'web-abc',
    ],
    [
      "the revision whose hash a CloneSet's pod names",
      pod(revisionLabel('abc'), owner('apps.kruise.io/v1alpha1', 'CloneSet')),
      'ControllerRevision',
      'web-abc',
    ],
  ])('%s', (_, metadata, kind, name) => {
    expect(membershipOf('default', metadata)?.stored).toEqual({ kind, name });
  });

  test.each(['..', 'x'.repeat(300), 'a/b'])(
    'none, if no revision can have the name that its label says: %s',
    (label) => {
      const metadata = pod(revisionLabel(label), owner('apps/v1', 'StatefulSet'));
      expect(membershipOf('default', metadata)?.stored).toBeUndefined();
    },
  );

  test("none of a ReplicationController's, whose pods only know each other", () => {
    const metadata = pod({ app: 'web' }, owner('v1', 'ReplicationController'));
    expect(membershipOf('default', metadata)).toMatchObject({ stored: undefined, selector: 'app=web' });
  });
});

describe('a pod is of no revision', () => {
  test.each([
    ['if nobody owns it', pod({})],
    ['if its owner is no controller', pod({}, { ...owner('apps/v1', 'ReplicaSet'), controller: false })],
    ['if an unknown kind controls it', pod({}, owner('example.com/v1', 'Database'))],
    ['if another group has a kind of that name', pod({}, owner('example.com/v1', 'ReplicaSet'))],
    [
      'if no object can have the name of its owner',
      pod({}, { ...owner('apps/v1', 'ReplicaSet'), name: '../secrets' }),
    ],
    ['if no object can have the uid', pod({}, { ...owner('apps/v1', 'ReplicaSet'), uid: 'u'.repeat(101) })],
    ['if its owner has no uid', pod({}, { ...owner('apps/v1', 'ReplicaSet'), uid: '' })],
  ])('%s', (_, metadata) => expect(membershipOf('default', metadata)).toBeUndefined());
});

describe('siblings are selected', () => {
  const selected = (labels: Record<string, string>) =>
    membershipOf('default', pod(labels, owner('apps/v1', 'ReplicaSet')))?.selector;

  test('by the hash of their revision, if they have one', () => {
    expect(selected({ app: 'web', 'pod-template-hash': 'abc' })).toBe('pod-template-hash=abc');
  });
  test('by all their labels, if they have none', () => {
    expect(selected({ app: 'web', 'example.com/tier': 'front' })).toBe('app=web,example.com/tier=front');
  });
  test('by nothing that would be another selector', () => {
    expect(selected({ app: 'web,tier!=front', 'a in (b)': 'c', tier: 'front' })).toBe('tier=front');
  });
  test('by a selector that fits into a URL, however many labels they have', () => {
    const labels = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, i) => [`example.com/label-${i}`, 'x'.repeat(63)]),
    );
    const selector = selected({ app: 'web', ...labels }) ?? '';
    expect(selector.split(',')).toContain('app=web');
    expect(encodeURIComponent(selector).length).toBeLessThan(2_048);
  });
  test('by the same labels in whatever order they come', () => {
    expect(selected({ tier: 'front', app: 'web' })).toBe(selected({ app: 'web', tier: 'front' }));
  });
  test('not at all without labels', () => expect(selected({})).toBeUndefined());
});

describe('an object stores the pins of a pod', () => {
  const replicaSet = membershipOf('default', pod({}, owner('apps/v1', 'ReplicaSet')));
  const statefulSet = membershipOf('default', pod(revisionLabel('web-abc'), owner('apps/v1', 'StatefulSet')));

  test('if it is the very owner, not just of its name', () => {
    if (replicaSet === undefined) expect.fail();
    expect(stores(replicaSet, { name: 'web', uid: 'u1' })).toBe(true);
    expect(stores(replicaSet, { name: 'web', uid: 'u2' })).toBe(false);
  });

  test('if it is the revision of the very owner', () => {
    if (statefulSet === undefined) expect.fail();
    const revision = (uid: string) => ({
      name: 'web-abc',
      uid: 'r1',
      ownerReferences: [{ ...owner('apps/v1', 'StatefulSet'), uid }],
    });
    expect(stores(statefulSet, revision('u1'))).toBe(true);
    expect(stores(statefulSet, revision('u2'))).toBe(false);
    expect(stores(statefulSet, { name: 'web-abc', uid: 'u1' })).toBe(false);
  });
});

test('pods of two revisions, two owners or two namespaces have nothing in common', () => {
  const memberships = [
    membershipOf('default', pod(revisionLabel('web-a'), owner('apps/v1', 'StatefulSet'))),
    membershipOf('default', pod(revisionLabel('web-b'), owner('apps/v1', 'StatefulSet'))),
    membershipOf('default', pod(revisionLabel('web-a'), { ...owner('apps/v1', 'StatefulSet'), uid: 'u2' })),
    membershipOf('other', pod(revisionLabel('web-a'), owner('apps/v1', 'StatefulSet'))),
  ];
  expect(new Set(memberships.map((membership) => membership && keyOf(membership))).size).toBe(4);
});

describe('the hash of a revision', () => {
  test.each([
    ['ReplicaSet', { 'pod-template-hash': 'abc' }, 'abc'],
    ['ReplicaSet', { 'rollouts-pod-template-hash': 'abc' }, 'abc'],
    ['ReplicaSet', { app: 'web' }, 'own'],
    ['ReplicaSet', { 'controller.kubernetes.io/hash': 'abc' }, 'own'],
    ['ControllerRevision', { 'controller.kubernetes.io/hash': 'abc' }, 'abc'],
    ['ControllerRevision', { 'controller-revision-hash': 'abc' }, 'abc'],
    ['Job', { 'pod-template-hash': 'abc' }, 'own'],
    ['ReplicaSet', { 'pod-template-hash': '' }, 'own'],
    ['ReplicaSet', { 'pod-template-hash': 'x'.repeat(63) }, 'own'],
    ['ReplicaSet', undefined, 'own'],
  ] as const)('of a %s with the labels %j is %s', (kind, labels, hash) => {
    expect(hashOf(kind, labels)).toBe(hash);
  });
});
