import { expect, test } from 'vitest';
import { z } from 'zod';
import { podSpecPointers } from '../../src/pin/pod-template.ts';
import { countImages, walk } from '../../src/pin/walk.ts';
import { group, prose, testedIn, vectors, whole } from '../support/vectors.ts';
import { pod } from './pods.ts';

test('counts as many images as it finds', () => {
  const { spec } = pod({
    volumes: [{ name: 'tmp' }, { name: 'models', image: {} }],
    initContainers: [{ name: 'init' }],
    containers: [
      { name: 'web', image: 'web:1' },
      { name: 'log', image: 'log:1' },
    ],
    ephemeralContainers: [{ name: 'debug', image: 'debug:1' }],
  });
  expect([countImages(spec), countImages({})]).toEqual([walk(spec).length, 0]);
});

test('finds the image of every place, with its pointers', () => {
  const { spec } = pod({
    volumes: [{ name: 'tmp' }, { name: 'models', image: { reference: 'models:1', pullPolicy: 'Always' } }],
    initContainers: [{ name: 'init', image: 'init:1' }],
    containers: [{ name: 'web', image: 'web:1', imagePullPolicy: 'Always' }],
    ephemeralContainers: [{ name: 'debug', image: 'debug:1' }],
  });
  expect(
    walk(spec).map(({ place, name, image, pointer, policyPointer }) => [
      place,
      name,
      image,
      pointer,
      policyPointer,
    ]),
  ).toEqual([
    [
      'image volume',
      'models',
      'models:1',
      '/spec/volumes/1/image/reference',
      '/spec/volumes/1/image/pullPolicy',
    ],
    [
      'init container',
      'init',
      'init:1',
      '/spec/initContainers/0/image',
      '/spec/initContainers/0/imagePullPolicy',
    ],
    ['container', 'web', 'web:1', '/spec/containers/0/image', '/spec/containers/0/imagePullPolicy'],
    [
      'ephemeral container',
      'debug',
      'debug:1',
      '/spec/ephemeralContainers/0/image',
      '/spec/ephemeralContainers/0/imagePullPolicy',
    ],
  ]);
});

test('takes null for an absent list and an absent image for an empty one', () => {
  const { spec } = pod({ initContainers: null, volumes: null, containers: [{ name: 'web' }] });
  expect(walk(spec).map(({ name, image }) => [name, image])).toEqual([['web', '']]);
});

test('points below the given base', () => {
  const { spec } = pod({ containers: [{ name: 'web', image: 'web:1' }] });
  expect(walk(spec, podSpecPointers.CronJob)[0]?.pointer).toBe(
    '/spec/jobTemplate/spec/template/spec/containers/0/image',
  );
});

vectors('kubernetes.json', {
  pullPolicyDefault: testedIn('test/support/pull-policy.test.ts'),
  serviceAccountSecrets: testedIn('test/credentials/pull-secrets.test.ts'),
  fields: group({
    source: prose,
    paths: whole(z.array(z.string()), (paths) => {
      const { spec } = pod({
        volumes: [{ name: 'v', image: { reference: 'a' } }],
        initContainers: [{ name: 'i', image: 'a' }],
        containers: [{ name: 'c', image: 'a' }],
        ephemeralContainers: [{ name: 'e', image: 'a' }],
      });
      const found = walk(spec).map(({ pointer }) =>
        pointer.slice(1).replaceAll('/0', '[*]').replaceAll('/', '.'),
      );
      expect(found.sort()).toEqual([...paths].sort());
    }),
    templates: whole(z.record(z.string(), z.string()), (templates) => {
      // No kind that people write: what it holds is up to the controller that made it.
      const { ControllerRevision: _, ...written } = podSpecPointers;
      const dotted = Object.entries(written).map(([kind, pointer]) => [
        kind,
        pointer.slice(1).replaceAll('/', '.'),
      ]);
      const expected = Object.entries(templates).flatMap(([kinds, path]) =>
        kinds.split('|').map((kind) => [kind, path]),
      );
      expect(Object.fromEntries(dotted)).toEqual(Object.fromEntries(expected));
    }),
    podUpdateMutable: prose,
    podUpdateImmutable: prose,
    ephemeral: prose,
  }),
});
