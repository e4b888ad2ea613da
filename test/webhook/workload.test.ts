import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applyResponse, objectReview } from '../support/admission.ts';
import { templateWithDefaults } from '../support/pod.ts';
import { image } from '../support/registry/image.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';
import { startWebhook, type Webhook } from './webhooks.ts';

let registry: Registry;
let webhook: Webhook;
let absent: string;
let tagged: string;

beforeAll(async () => {
  registry = await startRegistry();
  registry.push('team/app', '1', image());
  tagged = `${registry.host}/team/app:1`;
  absent = `${registry.host}/team/app:absent`;
  webhook = await startWebhook();
  webhook.api.put({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace: 'default', name: 'default' },
  });
});
afterAll(async () => {
  await webhook[Symbol.asyncDispose]();
  await registry.close();
});
beforeEach(() => registry.requests.clear());

const template = (image: string, annotations: Record<string, string> = {}) => ({
  metadata: { labels: { app: 'web' }, annotations },
  spec: { containers: [{ name: 'web', image }] },
});
const workload = (
  apiVersion: string,
  kind: string,
  spec: object,
  annotations: Record<string, string> = {},
) => ({
  apiVersion,
  kind,
  metadata: { name: 'web', namespace: 'default', annotations },
  spec,
});
const deployment = (of: object, annotations?: Record<string, string>) =>
  workload('apps/v1', 'Deployment', { template: of }, annotations);

const warningsOf = async (mode: string, object: ReturnType<typeof workload>, oldObject?: typeof object) => {
  const review = objectReview(object, oldObject === undefined ? {} : { oldObject });
  return (await webhook.ask(`/workload/${mode}`, review)).response;
};

const cause = () =>
  `container "web": ${absent}: not found (404 MANIFEST_UNKNOWN); push the tag or correct the image`;

describe('an applied workload gets warnings of what cannot be pinned', () => {
  test.each([
    ['enforce', 'its pods will be refused: '],
    ['best-effort', "can't be pinned: "],
    ['audit', "can't be pinned: "],
  ])('and of the consequence: %s', async (mode, consequence) => {
    const response = await warningsOf(mode, deployment(template(absent)));
    expect(response).toEqual({ uid: response.uid, allowed: true, warnings: [consequence + cause()] });
  });

  test('under enforce, of a host that only another webhook may make reachable', async () => {
    const { warnings } = await warningsOf('enforce', deployment(template('app.invalid/web:1')));
    expect(warnings).toEqual([
      expect.stringMatching(
        /^its pods are refused unless another webhook rewrites the image: container "web": app\.invalid\/web:1: /,
      ),
    ]);
  });

  test.each([
    ['Deployment', () => deployment(template(absent))],
    ['StatefulSet', () => workload('apps/v1', 'StatefulSet', { template: template(absent) })],
    ['DaemonSet', () => workload('apps/v1', 'DaemonSet', { template: template(absent) })],
    ['Job', () => workload('batch/v1', 'Job', { template: template(absent) })],
    [
      'CronJob',
      () => workload('batch/v1', 'CronJob', { jobTemplate: { spec: { template: template(absent) } } }),
    ],
  ])('of a %s', async (_, object) => {
    expect((await warningsOf('enforce', object())).warnings).toHaveLength(1);
  });

  test('when the template changes', async () => {
    const before = deployment(template(tagged));
    expect((await warningsOf('enforce', deployment(template(absent)), before)).warnings).toHaveLength(1);
  });

  test('of an annotation that does not do what it says', async () => {
    const response = await warningsOf(
      'enforce',
      deployment(template(tagged, { 'tagpin.dev/skip': 'nobody' })),
    );
    expect(response.warnings).toEqual([
      'tagpin.dev/skip names "nobody", which is no container or image volume of this pod',
    ]);
  });
});

describe('nothing is said', () => {
  test('when all is well', async () => {
    const response = await warningsOf('enforce', deployment(template(tagged)));
    expect(response).toEqual({ uid: response.uid, allowed: true });
  });

  test('of what the template skips', async () => {
    const skipping = deployment(template(absent, { 'tagpin.dev/skip': 'web' }));
    expect((await warningsOf('enforce', skipping)).warnings).toBeUndefined();
  });

  test('and nothing resolved, if the template is unchanged', async () => {
    const before = deployment(template(absent));
    const response = await warningsOf('enforce', deployment(template(absent), { note: 'x' }), before);
    expect(response).toEqual({ uid: response.uid, allowed: true });
    expect(registry.requests.entries).toEqual([]);
  });
});

describe('a workload that goes back to a revision it had', () => {
  const digest = `sha256:${'1'.repeat(64)}`;
  const ownerReferences = (kind: string) => [
    { apiVersion: 'apps/v1', kind, name: 'web', uid: 'u1', controller: true },
  ];
  const identified = (object: ReturnType<typeof workload>) => ({
    ...object,
    metadata: { ...object.metadata, uid: 'u1' },
    spec: { ...object.spec, selector: { matchLabels: { app: 'web' } } },
  });
  const hashed = (of: ReturnType<typeof template>) => ({
    ...of,
    metadata: { ...of.metadata, labels: { ...of.metadata.labels, 'pod-template-hash': 'abc' } },
  });
  const pins = (image: string) => ({ 'pins.tagpin.dev/abc.1': JSON.stringify({ [image]: digest }) });
  const putReplicaSet = (image: string, annotations: Record<string, string>, uid = 'u1') =>
    webhook.api.put({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        namespace: 'default',
        name: 'web-abc',
        labels: { app: 'web', 'pod-template-hash': 'abc' },
        annotations,
        ownerReferences: ownerReferences('Deployment').map((owner) => ({ ...owner, uid })),
      },
      ...templateWithDefaults({ spec: { template: hashed(template(image)) } }),
    });
  const goBack = (image: string) =>
    warningsOf('enforce', identified(deployment(template(image))), identified(deployment(template(tagged))));

  test('is not warned of a tag that is gone: the digest is stored', async () => {
    putReplicaSet(absent, pins(absent));
    expect((await goBack(absent)).warnings).toBeUndefined();
    expect(registry.requests.entries).toEqual([]);
  });

  test("is not warned if it is a StatefulSet, whose revision's template says how to patch it", async () => {
    const before = workload('apps/v1', 'StatefulSet', { template: template(tagged) });
    const after = workload('apps/v1', 'StatefulSet', { template: template(absent) });
    webhook.api.put({
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        namespace: 'default',
        name: 'web-abc',
        labels: { app: 'web', 'controller.kubernetes.io/hash': 'abc' },
        annotations: pins(absent),
        ownerReferences: ownerReferences('StatefulSet'),
      },
      data: templateWithDefaults({ spec: { template: { $patch: 'replace', ...template(absent) } } }),
    });
    expect((await warningsOf('enforce', identified(after), identified(before))).warnings).toBeUndefined();
  });

  test.each([
    ['stored nothing', () => putReplicaSet(absent, {})],
    ['has another template', () => putReplicaSet(`${absent}-2`, pins(absent))],
    ["is another workload's", () => putReplicaSet(absent, pins(absent), 'u2')],
  ])('is warned if the revision %s', async (_, put) => {
    put();
    expect((await goBack(absent)).warnings).toHaveLength(1);
  });

  test('is warned of what its tag is now, if its revisions cannot be read', async () => {
    putReplicaSet(absent, pins(absent));
    const mend = webhook.api.fail({ resource: 'replicasets', effect: 'forbidden' });
    try {
      expect((await goBack(absent)).warnings).toHaveLength(1);
    } finally {
      mend();
    }
  });
});

test('what is resolved is known for the revision that follows', async () => {
  registry.push('team/next', '1', image());
  const next = template(`${registry.host}/team/next:1`);
  await warningsOf('enforce', deployment(next));
  registry.requests.clear();
  const replicaSet = {
    ...workload('apps/v1', 'ReplicaSet', { template: next }),
    metadata: { name: 'web-abc', namespace: 'default', labels: { 'pod-template-hash': 'abc' } },
  };
  const { response } = await webhook.ask('/revision', objectReview(replicaSet));
  expect(response.patch).toBeDefined();
  expect(registry.requests.entries).toEqual([]);
});

describe('pins that undo has left on a Deployment', () => {
  const left = { 'pins.tagpin.dev/abc.1': '{}', 'pins.tagpin.dev/def.2': '{}', other: 'x' };

  test('are removed when it is updated', async () => {
    const object = deployment(template(tagged), left);
    const review = await webhook.ask('/workload/enforce', objectReview(object, { oldObject: object }));
    expect(applyResponse(object, review)).toMatchObject({ metadata: { annotations: { other: 'x' } } });
    expect(JSON.stringify(applyResponse(object, review))).not.toContain('pins.tagpin.dev');
  });

  test('stay on a created object, whose author wrote them', async () => {
    const response = await warningsOf('enforce', deployment(template(tagged), left));
    expect(response.patch).toBeUndefined();
  });

  test('stay on any other kind, which nothing copies them to', async () => {
    const object = workload('apps/v1', 'StatefulSet', { template: template(tagged) }, left);
    expect((await warningsOf('enforce', object, object)).patch).toBeUndefined();
  });
});
