import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDigest } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import {
  type PatchOptions,
  type Pin,
  patchCreated,
  patchEphemeralContainers,
  patchUpdated,
} from '../../src/pin/patch.ts';
import { type Pod, podSchema } from '../../src/pin/pod.ts';
import { walk } from '../../src/pin/walk.ts';
import { applyJsonPatch, jsonPatch } from '../support/json-patch.ts';
import { runs } from '../support/runs.ts';
import { DIGEST_A, DIGEST_B, pod, webPod } from './pods.ts';

const options: PatchOptions = { keepTag: false, pullPolicy: 'IfNotPresent' };

/** Pins every image of a pod to a digest. */
function pinsOf(created: Pod, digest = DIGEST_A): Pin[] {
  return walk(created.spec).map((field) => ({
    field,
    reference: parseReference(field.image),
    digest: parseDigest(digest),
  }));
}

const patched = (before: Pod, operations: readonly object[]) =>
  podSchema.parse(applyJsonPatch(before, jsonPatch.parse(operations)));

describe('a created pod', () => {
  test('gets its image by digest, IfNotPresent, and the memory of what was written', () => {
    const before = webPod('nginx:1.27', { policy: 'Always', annotations: { team: 'a' } });
    expect(patchCreated(before, pinsOf(before), options)).toEqual([
      { op: 'replace', path: '/spec/containers/0/image', value: `nginx@${DIGEST_A}` },
      { op: 'add', path: '/spec/containers/0/imagePullPolicy', value: 'IfNotPresent' },
      { op: 'add', path: '/metadata/annotations/tagpin.dev~1images', value: '{"web":"nginx:1.27"}' },
    ]);
  });

  test('without annotations gets some', () => {
    const before = pod({ containers: [{ name: 'web', image: 'nginx' }] });
    expect(patchCreated(before, pinsOf(before), options)).toContainEqual({
      op: 'add',
      path: '/metadata/annotations',
      value: { 'tagpin.dev/images': '{"web":"nginx"}' },
    });
  });

  test('remembers its containers sorted by name, also where names are numbers', () => {
    const before = pod({ containers: ['b', '10', '2'].map((name) => ({ name, image: 'nginx' })) });
    expect(patchCreated(before, pinsOf(before), options).at(-1)?.value).toEqual({
      'tagpin.dev/images': '{"10":"nginx","2":"nginx","b":"nginx"}',
    });
  });

  test('keeps its tag if asked to', () => {
    const before = webPod('nginx:1.27');
    expect(patchCreated(before, pinsOf(before), { ...options, keepTag: true })[0]?.value).toBe(
      `nginx:1.27@${DIGEST_A}`,
    );
  });

  test('keeps its pull policy if asked to', () => {
    const before = webPod('nginx', { policy: 'Always' });
    const operations = patchCreated(before, pinsOf(before), { ...options, pullPolicy: 'keep' });
    expect(operations.map(({ path }) => path)).not.toContain('/spec/containers/0/imagePullPolicy');
  });

  test('with nothing to pin is not patched', () => {
    expect(patchCreated(webPod(`nginx@${DIGEST_A}`), [], options)).toEqual([]);
  });

  test('called again after another webhook has added a container, remembers both', () => {
    const before = pod(
      {
        containers: [
          { name: 'web', image: `nginx@${DIGEST_A}` },
          { name: 'proxy', image: 'proxy:2' },
        ],
      },
      { annotations: { 'tagpin.dev/images': '{"web":"nginx:1.27"}' } },
    );
    const operations = patchCreated(before, pinsOf(before).slice(1), options);
    expect(operations.at(-1)?.value).toBe('{"proxy":"proxy:2","web":"nginx:1.27"}');
  });

  test('forgets what cannot be true', () => {
    const before = pod(
      {
        containers: [
          { name: 'web', image: 'nginx:1.28' },
          { name: 'proxy', image: `proxy@${DIGEST_A}` },
        ],
      },
      { annotations: { 'tagpin.dev/images': '{"gone":"x:1","proxy":"other:1"}' } },
    );
    const operations = patchCreated(before, pinsOf(before).slice(0, 1), options);
    expect(operations.at(-1)?.value).toBe('{"web":"nginx:1.28"}');
  });

  test('with a volume named as a container remembers the container, whose image can change', () => {
    const before = pod({
      containers: [{ name: 'data', image: 'web:1' }],
      volumes: [{ name: 'data', image: { reference: 'models:1' } }],
    });
    expect(patchCreated(before, pinsOf(before), options).at(-1)?.value).toEqual({
      'tagpin.dev/images': '{"data":"web:1"}',
    });
  });

  test('whose annotations leave no room for the memory is pinned without it', () => {
    const full = { big: 'x'.repeat(256 * 1024 - 10) };
    const before = webPod('nginx:1.27', { annotations: full });
    const after = patched(before, patchCreated(before, pinsOf(before), options));
    expect(after.spec.containers?.[0]?.image).toBe(`nginx@${DIGEST_A}`);
    expect(after.metadata.annotations).toEqual(full);
  });
});

describe('an updated pod', () => {
  const old = webPod(`nginx@${DIGEST_A}`, { annotations: { 'tagpin.dev/images': '{"web":"nginx:1.27"}' } });

  test('gets its image, never another pull policy', () => {
    const next = webPod('nginx:1.28', { annotations: { 'tagpin.dev/images': '{"web":"nginx:1.27"}' } });
    expect(patchUpdated(next, old, pinsOf(next, DIGEST_B), options)).toEqual([
      { op: 'replace', path: '/spec/containers/0/image', value: `nginx@${DIGEST_B}` },
      { op: 'add', path: '/metadata/annotations/tagpin.dev~1images', value: '{"web":"nginx:1.28"}' },
    ]);
  });

  test('whose manifest says Always keeps the policy it was pinned with: the API server refuses a change', () => {
    const reapplied = webPod('nginx:1.27', {
      policy: 'Always',
      annotations: { 'tagpin.dev/images': '{"web":"nginx:1.27"}' },
    });
    expect(patched(reapplied, patchUpdated(reapplied, old, pinsOf(reapplied), options)).spec).toEqual(
      old.spec,
    );
  });

  test.each([
    ['whose policy becomes Never', options, 'Never'],
    ['whose policies are to be kept', { ...options, pullPolicy: 'keep' }, 'Always'],
  ] as const)('%s is for the API server to refuse', (_, given, policy) => {
    const changed = webPod(`nginx@${DIGEST_A}`, { policy, annotations: old.metadata.annotations ?? {} });
    expect(patchUpdated(changed, old, [], given)).toEqual([]);
  });

  test('forgets the tag of a container that goes to another digest, which never was that tag', () => {
    const moved = webPod(`nginx@${DIGEST_B}`, { annotations: old.metadata.annotations ?? {} });
    expect(patchUpdated(moved, old, [], options)).toEqual([
      { op: 'remove', path: '/metadata/annotations/tagpin.dev~1images' },
    ]);
  });

  test.each([
    ['and is corrected when that changes', {}, ['remove /metadata/annotations/tagpin.dev~1images']],
    ['and is left as it was when nothing of it changes', { 'tagpin.dev/images': '{"web":"other:1"}' }, []],
  ])('says falsely where its image comes from, %s', (_, annotations, expected) => {
    const falsely = { 'tagpin.dev/images': '{"web":"other:1"}', team: 'blue' };
    const before = webPod(`nginx@${DIGEST_A}`, { annotations });
    const after = webPod(`nginx@${DIGEST_A}`, { annotations: falsely });
    const operations = patchUpdated(after, before, [], options);
    expect(operations.map(({ op, path }) => `${op} ${path}`)).toEqual(expected);
  });

  test('that was never pinned keeps the API server from nothing', () => {
    const unpinned = webPod('nginx:1.27');
    expect(patchUpdated(webPod('nginx:1.27', { policy: 'Always' }), unpinned, [], options)).toEqual([]);
  });
});

test('new ephemeral containers get their image and nothing else', () => {
  const next = pod({ ephemeralContainers: [{ name: 'debug', image: 'busybox', imagePullPolicy: 'Always' }] });
  expect(patchEphemeralContainers(pinsOf(next), options)).toEqual([
    { op: 'replace', path: '/spec/ephemeralContainers/0/image', value: `busybox@${DIGEST_A}` },
  ]);
});

test('property: a patched pod reads back as the same names at the pinned digest, and nothing else has changed', () => {
  const name = fc.constantFrom('web', 'proxy', 'init', 'a-b');
  const image = fc.constantFrom('nginx', 'nginx:1.27', 'quay.io/a/b:c', 'localhost:5000/x', '[::1]:5000/x:1');
  const container = fc.record({
    name,
    image,
    imagePullPolicy: fc.constantFrom('Always', 'IfNotPresent'),
    command: fc.array(fc.string()),
  });
  const spec = fc.record({
    containers: fc.uniqueArray(container, { selector: (entry) => entry.name, minLength: 1 }),
    volumes: fc.uniqueArray(fc.record({ name, image: fc.record({ reference: image }) }), {
      selector: (entry) => entry.name,
    }),
  });
  const annotations = fc.option(fc.dictionary(fc.string({ minLength: 1 }), fc.string()), { nil: undefined });
  fc.assert(
    fc.property(spec, annotations, (spec, annotations) => {
      const object = { metadata: { name: 'web', ...(annotations && { annotations }) }, spec };
      const before = podSchema.parse(object);
      const after: unknown = applyJsonPatch(
        object,
        jsonPatch.parse(patchCreated(before, pinsOf(before), options)),
      );
      const read = podSchema.parse(after);
      const expected = walk(before.spec).map((field) => `${parseReference(field.image).name}@${DIGEST_A}`);
      expect(walk(read.spec).map((field) => field.image)).toEqual(expected);
      expect(walk(read.spec).every((field) => field.pullPolicy === 'IfNotPresent')).toBe(true);
      expect(read.spec.containers?.length).toBe(before.spec.containers?.length);
    }),
    runs(0.1),
  );
});
