import { describe, expect, test } from 'vitest';
import { decide, type Rules } from '../../src/pin/decide.ts';
import type { Pod } from '../../src/pin/pod.ts';
import { DIGEST_A, DIGEST_B, pod, webPod } from './pods.ts';

const rules: Rules = { skip: [], honourSkipAnnotation: true };

/** What is decided for the only image of a pod. */
function decideOne(created: Pod, given: Partial<Rules> = {}, old?: Pod) {
  const [first] = decide(created, { ...rules, ...given }, old);
  return first?.decision;
}

describe('at CREATE', () => {
  test('a tag is resolved', () => {
    expect(decideOne(webPod('nginx:1.27'))).toMatchObject({
      action: 'resolve',
      reference: { path: 'library/nginx' },
    });
  });

  test('a digest is left', () => {
    expect(decideOne(webPod(`nginx@${DIGEST_A}`))).toEqual({ action: 'leave', reason: 'digest' });
  });

  test('a tag with a digest is left', () => {
    expect(decideOne(webPod(`nginx:1.27@${DIGEST_A}`))).toEqual({ action: 'leave', reason: 'digest' });
  });

  test('pull policy Never is left', () => {
    expect(decideOne(webPod('nginx:1.27', { policy: 'Never' }))).toEqual({
      action: 'leave',
      reason: 'never',
    });
  });

  test.each(['', ' ', 'NGINX', '$(IMAGE)', `nginx@sha256:${'0'.repeat(63)}`])('%j is refused', (image) => {
    expect(decideOne(webPod(image))?.action).toBe('refuse');
  });

  test('a digest comes before pull policy Never, which comes before what is invalid', () => {
    expect(decideOne(webPod(`nginx@${DIGEST_A}`, { policy: 'Never' }))).toEqual({
      action: 'leave',
      reason: 'digest',
    });
    expect(decideOne(webPod('NGINX', { policy: 'Never' }))).toEqual({ action: 'leave', reason: 'never' });
  });
});

describe('skipping', () => {
  const two = (skip: string) =>
    pod(
      {
        containers: [{ name: 'web', image: 'web:1' }],
        volumes: [{ name: 'models', image: { reference: 'models:1' } }],
      },
      { annotations: { 'tagpin.dev/skip': skip } },
    );
  const skipped = (created: Pod, given: Partial<Rules> = {}) =>
    decide(created, { ...rules, ...given })
      .filter(({ decision }) => decision.action === 'leave' && decision.reason === 'skipped')
      .map(({ field }) => field.name);

  test('* skips all', () => expect(skipped(two('*'))).toEqual(['models', 'web']));
  test('names skip containers and volumes', () =>
    expect(skipped(two(' models , web,'))).toEqual(['models', 'web']));
  test('other names skip nothing', () => expect(skipped(two('we,webb'))).toEqual([]));
  test('an invalid image can be skipped', () => {
    expect(decideOne(webPod('NGINX', { annotations: { 'tagpin.dev/skip': 'web' } }))).toEqual({
      action: 'leave',
      reason: 'skipped',
    });
  });
  test('the configuration can forbid it', () => {
    expect(skipped(two('*'), { honourSkipAnnotation: false })).toEqual([]);
  });

  test.each([
    ['docker.io', 'nginx:1.27', true],
    ['docker.io/library/*', 'nginx:1.27', true],
    ['docker.io/*', 'nginx:1.27', false],
    ['docker.io/**', 'nginx:1.27', true],
    ['nginx:*', 'nginx:1.27', true],
    ['docker.io/library/nginx:1.*', 'nginx:1.27', true],
    ['docker.io/library/nginx:latest', 'nginx', true],
    ['registry.example.com:5000', 'registry.example.com:5000/team/app:1', true],
    ['registry.example.com', 'registry.example.com:5000/team/app:1', false],
    ['registry.example.com:5000/team/*', 'registry.example.com:5000/team/app:1', true],
    ['quay.io/team', 'quay.io/team/app:1', false],
  ])('the pattern %s on %s: %s', (pattern, image, matches) => {
    expect(decideOne(webPod(image), { skip: [pattern] })?.action).toBe(matches ? 'leave' : 'resolve');
  });
});

describe('at UPDATE', () => {
  const remembering = { annotations: { 'tagpin.dev/images': '{"web":"nginx:1.27"}' } };
  const old = webPod(`nginx@${DIGEST_A}`, remembering);

  test('an unchanged image is left, even one that is invalid', () => {
    expect(decideOne(webPod('NGINX'), {}, webPod('NGINX'))).toEqual({ action: 'leave', reason: 'unchanged' });
  });

  test('an unchanged tag is left: the pod is older than the opt-in', () => {
    expect(decideOne(webPod('nginx:1.27'), {}, webPod('nginx:1.27'))).toEqual({
      action: 'leave',
      reason: 'unchanged',
    });
  });

  test('Never counts only if the pod has it: the API server keeps the policy, whatever the update says', () => {
    const claiming = webPod('evil.example.com/app:latest', { policy: 'Never' });
    expect(decideOne(claiming, {}, old)?.action).toBe('resolve');
    const never = webPod('nginx:1.27', { policy: 'Never' });
    expect(decideOne(webPod('nginx:1.28', { policy: 'Never' }), {}, never)).toEqual({
      action: 'leave',
      reason: 'never',
    });
  });

  test('a changed tag is resolved', () => {
    expect(decideOne(webPod('nginx:1.28'), {}, old)?.action).toBe('resolve');
  });

  test('back to the remembered tag is the digest it had', () => {
    expect(decideOne(webPod('nginx:1.27'), {}, old)).toMatchObject({ action: 'remember', digest: DIGEST_A });
  });

  test('what the new pod claims to remember counts for nothing', () => {
    const claiming = webPod('nginx:1.27', { annotations: { 'tagpin.dev/images': '{"web":"nginx:1.27"}' } });
    expect(decideOne(claiming, {}, webPod(`nginx@${DIGEST_A}`))?.action).toBe('resolve');
  });

  test('a remembered tag of another repository than the pinned image is resolved', () => {
    const forged = webPod(`evil.example.com/nginx@${DIGEST_B}`, remembering);
    expect(decideOne(webPod('nginx:1.27'), {}, forged)?.action).toBe('resolve');
  });

  test('a remembered tag of a container that runs by tag is resolved', () => {
    expect(decideOne(webPod('nginx:1.27'), {}, webPod('nginx:1.26', remembering))?.action).toBe('resolve');
  });

  test.each(['{', '[]', '{"web":1}', 'null', '{"__proto__":{"web":"nginx:1.27"}}'])(
    'the annotation %j remembers nothing',
    (text) => {
      const garbled = webPod(`nginx@${DIGEST_A}`, { annotations: { 'tagpin.dev/images': text } });
      expect(decideOne(webPod('nginx:1.27'), {}, garbled)?.action).toBe('resolve');
    },
  );

  test('only new ephemeral containers are resolved', () => {
    const debug = (names: string[]) =>
      pod({
        containers: [{ name: 'web', image: 'web:1' }],
        ephemeralContainers: names.map((name) => ({ name, image: 'debug:1' })),
      });
    const decided = decide(debug(['one', 'two']), rules, debug(['one']));
    expect(
      decided.filter(({ decision }) => decision.action === 'resolve').map(({ field }) => field.name),
    ).toEqual(['two']);
  });
});
