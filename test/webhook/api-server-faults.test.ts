import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { objectReview, podReview } from '../support/admission.ts';
import type { FaultRule } from '../support/api-server.ts';
import { image } from '../support/registry/image.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';
import { startWebhook, type Webhook } from './webhooks.ts';

/** What the API server waits in these tests. */
const TIMEOUT_MS = 2_000;
/** An answer has to be on its way so long before. */
const WAY_BACK_MS = 200;

let registry: Registry;
let webhook: Webhook;
beforeAll(async () => {
  registry = await startRegistry();
  registry.push('app', '1', image());
  webhook = await startWebhook();
});
afterAll(async () => {
  await webhook[Symbol.asyncDispose]();
  await registry.close();
});

const owned = (apiVersion: string, kind: string, labels: Record<string, string> = {}) => ({
  labels: { app: 'web', ...labels },
  ownerReferences: [{ apiVersion, kind, name: 'web', uid: 'u1', controller: true }],
});

/** Pods for which one resource has to be read that others don't need: what of it is asked, and what of the pod asks for it. */
const needs = [
  { resource: 'secrets', verb: 'get', spec: { imagePullSecrets: [{ name: 'login' }] } },
  { resource: 'serviceaccounts', verb: 'get' },
  { resource: 'replicasets', verb: 'get', metadata: owned('apps/v1', 'ReplicaSet') },
  {
    resource: 'controllerrevisions',
    verb: 'get',
    metadata: owned('apps/v1', 'StatefulSet', { 'controller-revision-hash': 'web-abc' }),
  },
  { resource: 'jobs', verb: 'get', metadata: owned('batch/v1', 'Job') },
  { resource: 'pods', verb: 'list', metadata: owned('v1', 'ReplicationController') },
];

const effects: readonly [name: string, effect: FaultRule['effect'], told: (verb: string) => RegExp][] = [
  ['refuses', 'forbidden', (verb) => new RegExp(` cannot ${verb} resource "(\\w+)".*; grant tagpin's`)],
  [
    'says nothing',
    { outcome: 'hang' },
    () => /GET \/\S+?\/namespaces\/[^/]+\/(\w+)\S*: no answer in time; try again/,
  ],
  [
    'has trouble',
    { outcome: { status: 500, body: '{"kind":"Status","message":"leader changed"}' } },
    () => /GET \/\S+?\/namespaces\/[^/]+\/(\w+)\S*: leader changed; try again/,
  ],
  ['resets', { outcome: 'reset' }, () => /GET \/\S+?\/namespaces\/[^/]+\/(\w+)\S*: .*; try again/],
];

describe.concurrent.each(effects)('an API server that %s', (_what, effect, told) => {
  for (const { resource, verb, metadata, spec } of needs)
    test(`when ${resource} are to be read is named with them, in time`, async () => {
      const namespace = `n-${randomUUID()}`;
      webhook.api.fail({ resource, namespace, effect });
      const pod = {
        metadata: { name: 'web', ...metadata },
        spec: { containers: [{ name: 'web', image: `${registry.host}/app:1` }], ...spec },
      };
      const review = podReview(pod, { namespace });
      const started = performance.now();
      const [enforced, tried] = await Promise.all(
        ['enforce', 'best-effort'].map((mode) => webhook.review(mode, review, `${TIMEOUT_MS}ms`)),
      );
      expect(performance.now() - started).toBeLessThan(TIMEOUT_MS - WAY_BACK_MS);
      expect(enforced?.response.allowed).toBe(false);
      expect(told(verb).exec(enforced?.response.status?.message ?? '')?.[1]).toBe(resource);
      expect(tried?.response.allowed).toBe(true);
      expect(tried?.response.warnings?.[0]).toContain("can't be read: ");
    });
});

const template = (spec: object = {}) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image: `${registry.host}/app:1` }], ...spec },
});

describe.concurrent('nobody else is kept waiting', () => {
  const timed = async (path: string, review: unknown) => {
    const started = performance.now();
    const { response } = await webhook.ask(path, review, `${TIMEOUT_MS}ms`);
    expect(performance.now() - started).toBeLessThan(TIMEOUT_MS - WAY_BACK_MS);
    expect(response.allowed).toBe(true);
    return response;
  };

  test('a ReplicaSet is made without pins where Secrets hang', async () => {
    const namespace = `n-${randomUUID()}`;
    webhook.api.fail({ resource: 'secrets', namespace, effect: { outcome: 'hang' } });
    const spec = { template: template({ imagePullSecrets: [{ name: 'login' }] }) };
    const replicaSet = { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'web' }, spec };
    await timed('/revision', objectReview(replicaSet, { namespace }));
  });

  test('who changes a Deployment whose revisions hang is not told that a registry was slow', async () => {
    const namespace = `n-${randomUUID()}`;
    webhook.api.fail({ resource: 'replicasets', namespace, effect: { outcome: 'hang' } });
    const deployment = (spec: object) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', uid: 'u1' },
      spec: { selector: { matchLabels: { app: 'web' } }, template: template(spec) },
    });
    const oldObject = deployment({ hostname: 'old' });
    const { warnings } = await timed(
      '/workload/enforce',
      objectReview(deployment({}), { namespace, oldObject }),
    );
    expect(warnings).toEqual([
      expect.stringMatching(
        /^images not looked at: its earlier revisions can't be read: GET \S+\/replicasets\S*: no answer in time$/,
      ),
    ]);
  });
});
