import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applyPatch, podReview } from '../support/admission.ts';
import type { Fault } from '../support/answering.ts';
import { image } from '../support/registry/image.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';
import { startWebhook, type Webhook } from './webhooks.ts';

let registry: Registry;
/** With `pin.whenGone: tag`, and as it is by default. */
let asking: Webhook;
let usual: Webhook;
let repository: string;
let name: string;
let stored: string;
let now: string;
let counter = 0;

beforeAll(async () => {
  registry = await startRegistry();
  [asking, usual] = [await startWebhook('pin: { whenGone: tag }'), await startWebhook()];
});
afterAll(async () => {
  await Promise.all([asking[Symbol.asyncDispose](), usual[Symbol.asyncDispose](), registry.close()]);
});
beforeEach(() => {
  repository = `team/gone-${++counter}`;
  name = `${registry.host}/${repository}`;
  stored = registry.push(repository, '1', image());
  now = registry.push(repository, '1', image());
  registry.requests.clear();
});

/** Has a pod admitted of a ReplicaSet that stores a digest for its image. */
async function admitted(webhook: Webhook, mode: string) {
  const metadata = {
    namespace: 'default',
    name: `web-${counter}`,
    uid: `uid-${counter}`,
    labels: { 'pod-template-hash': 'abc' },
    annotations: { 'pins.tagpin.dev/abc.1': JSON.stringify({ [`${name}:1`]: stored }) },
  };
  webhook.api.put({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata });
  webhook.api.put({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace: 'default', name: 'default' },
  });
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: metadata.name, uid: metadata.uid };
  const pod = {
    metadata: {
      generateName: 'web-',
      labels: metadata.labels,
      ownerReferences: [{ ...owner, controller: true }],
    },
    spec: { containers: [{ name: 'web', image: `${name}:1` }] },
  };
  const response = await webhook.review(mode, podReview(pod));
  const patched = applyPatch(pod, response);
  // As where another webhook changes the pod after this one.
  const again = await webhook.review(mode, podReview(patched));
  expect(again.response).toMatchObject({ allowed: true });
  expect(again.response.warnings).toBeUndefined();
  const [container] = applyPatch(patched, again).spec.containers;
  return { image: container?.image, warnings: response.response.warnings };
}
const asked = () => registry.requests.manifests().map(({ path }) => path.split('/').at(-1));
const count = async (webhook: Webhook) =>
  /^tagpin_gone_digests_replaced_total\{mode="best-effort"\} (\d+)$/m.exec(await webhook.metrics.text())?.[1];

describe('a pod whose stored digest is gone from its registry', () => {
  test('gets what the tag has now in best-effort, if that is configured, with a warning and a count', async () => {
    expect(await count(asking)).toBe('0');
    registry.delete(repository, stored);
    const { image, warnings } = await admitted(asking, 'best-effort');
    expect(image).toBe(`${name}@${now}`);
    expect(warnings).toEqual([
      expect.stringMatching(/^container "web": .*gone.*; push sha256:[0-9a-f]{64} again, or roll out$/),
    ]);
    expect(await count(asking)).toBe('1');
  });

  test('keeps it under enforce', async () => {
    registry.delete(repository, stored);
    expect(await admitted(asking, 'enforce')).toEqual({ image: `${name}@${stored}`, warnings: undefined });
    expect(asked()).toEqual([]);
  });

  test('keeps it by default, and no registry is asked', async () => {
    registry.delete(repository, stored);
    expect((await admitted(usual, 'best-effort')).image).toBe(`${name}@${stored}`);
    expect(asked()).toEqual([]);
    expect(await count(usual)).toBe('0');
  });

  test('keeps it if its tag is gone, too', async () => {
    registry.delete(repository, stored);
    registry.delete(repository, '1');
    expect(await admitted(asking, 'best-effort')).toEqual({
      image: `${name}@${stored}`,
      warnings: undefined,
    });
  });
});

describe('a pod whose stored digest is there', () => {
  test('has it, and the registry is asked once for all pods', async () => {
    for (let pods = 0; pods < 3; pods++) {
      expect(await admitted(asking, 'best-effort')).toEqual({
        image: `${name}@${stored}`,
        warnings: undefined,
      });
    }
    expect(asked()).toEqual([stored]);
  });

  test.each<[string, Fault]>([
    ['fails', { outcome: { status: 503, body: '' } }],
    ['does not answer', { outcome: 'hang' }],
  ])('has it if the registry %s', async (_, fault) => {
    registry.fault = fault;
    const { image } = await admitted(asking, 'best-effort');
    registry.fault = undefined;
    expect(image).toBe(`${name}@${stored}`);
  });
});
