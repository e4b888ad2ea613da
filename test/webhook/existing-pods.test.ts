import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { applyPatch, applyResponse, objectReview, podReview } from '../support/admission.ts';
import { image } from '../support/registry/image.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';
import { startWebhook, type Webhook } from './webhooks.ts';

let registry: Registry;
let webhook: Webhook;
let repository: string;
let tagged: string;
/** What the tag was, and what it is now. */
let before: string;
let now: string;
let counter = 0;

beforeAll(async () => {
  registry = await startRegistry();
  webhook = await startWebhook();
  const metadata = { namespace: 'default', name: 'default' };
  webhook.api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
});
afterAll(async () => {
  await webhook[Symbol.asyncDispose]();
  await registry.close();
});
beforeEach(() => {
  repository = `team/app-${++counter}`;
  tagged = `${registry.host}/${repository}:1`;
  before = registry.push(repository, '1', image());
  now = registry.push(repository, '1', image());
  webhook.api.requests.clear();
});
const mends: (() => void)[] = [];
afterEach(() => {
  for (const mend of mends.splice(0)) mend();
});

const app = () => ({ app: `web-${counter}` });
const template = (...images: string[]) => ({
  metadata: { labels: app() },
  spec: { containers: images.map((name, index) => ({ name: `c${index}`, image: name })) },
});

type Owner = { apiVersion: string; kind: string; name: string; uid: string };

const replicaSet = (metadata: object = {}, spec: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name: `web-${counter}`, namespace: 'default', ...metadata },
  spec: { selector: { matchLabels: app() }, template: template(tagged), ...spec },
});

const statefulSet = (): Owner => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  name: `db-${counter}`,
  uid: `set-${counter}`,
});
const daemonSet = (): Owner => ({ ...statefulSet(), kind: 'DaemonSet' });

const controllerRevision = (owner: Owner) => ({
  apiVersion: 'apps/v1',
  kind: 'ControllerRevision',
  metadata: {
    name: `${owner.name}-6fd`,
    namespace: 'default',
    labels: {
      [owner.kind === 'DaemonSet' ? 'controller-revision-hash' : 'controller.kubernetes.io/hash']: '6fd',
    },
    ownerReferences: [{ ...owner, controller: true }],
  },
  data: { spec: { template: { $patch: 'replace', ...template(tagged) } } },
  revision: 2,
});

interface Given {
  name?: string;
  labels?: object;
  owner?: Owner;
  digest?: string;
  imageID?: string;
  status?: object;
  metadata?: object;
}

/** A pod that is there, pinned to what the tag was unless it runs by tag. */
function pod({ name = 'first', labels = {}, owner, digest = before, imageID, status, metadata }: Given = {}) {
  const isPinned = imageID === undefined;
  webhook.api.put({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: 'default',
      name: `${name}-${counter}`,
      labels: { ...app(), ...labels },
      ...(owner && { ownerReferences: [{ ...owner, controller: true }] }),
      ...(isPinned && { annotations: { 'tagpin.dev/images': JSON.stringify({ c0: tagged }) } }),
      ...metadata,
    },
    spec: {
      containers: [{ name: 'c0', image: isPinned ? `${tagged.replace(/:1$/, '')}@${digest}` : tagged }],
    },
    status: { containerStatuses: isPinned ? [] : [{ name: 'c0', imageID }], ...status },
  });
}

const storedSchema = z.object({
  metadata: z.object({ annotations: z.record(z.string(), z.string()).default({}) }),
});

async function annotationsOf(object: object, oldObject?: object): Promise<Record<string, string>> {
  const options = oldObject === undefined ? {} : { oldObject: { ...oldObject } };
  const response = await webhook.ask('/revision', objectReview({ ...object }, options));
  return storedSchema.parse(applyResponse(object, response)).metadata.annotations;
}

/** The digests that the object has once it is stored, by image. */
async function stored(object: object, oldObject?: object): Promise<unknown> {
  const annotations = await annotationsOf(object, oldObject);
  const [pins, ...others] = Object.entries(annotations).filter(([name]) =>
    name.startsWith('pins.tagpin.dev/'),
  );
  expect(others).toEqual([]);
  return pins && JSON.parse(pins[1]);
}

describe('a ReplicaSet that is made again has the digest of the pods that it adopts', () => {
  test('which are pinned', async () => {
    pod();
    expect(await stored(replicaSet())).toEqual({ [tagged]: before });
    expect(await webhook.metrics.text()).toContain(
      'tagpin_revision_images_total{kind="ReplicaSet",outcome="pinned",reason="sibling"}',
    );
  });

  test('which run by tag, as their nodes report it, if the registry has the digest', async () => {
    pod({ imageID: `${registry.host}/${repository}@${before}` });
    expect(await stored(replicaSet())).toEqual({ [tagged]: before });
  });

  test('unless the registry no longer has what nodes report', async () => {
    pod({ imageID: `${registry.host}/${repository}@sha256:${'0'.repeat(64)}` });
    expect(await stored(replicaSet())).toEqual({ [tagged]: now });
  });

  test('for the images that they have; others are resolved', async () => {
    pod();
    const other = `${registry.host}/${repository}:2`;
    const second = registry.push(repository, '2', image());
    expect(await stored(replicaSet({}, { template: template(tagged, other) }))).toEqual({
      [tagged]: before,
      [other]: second,
    });
  });
});

describe('what a new ReplicaSet does not adopt says nothing about it:', () => {
  test.each<[string, () => Given]>([
    ['a pod of another controller', () => ({ owner: { ...statefulSet(), kind: 'ReplicaSet' } })],
    ['a pod that its selector leaves out', () => ({ labels: { track: 'canary' } })],
    ['a pod that has failed', () => ({ status: { phase: 'Failed' } })],
    ['a pod that is being deleted', () => ({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })],
  ])('%s', async (_, given) => {
    const made = given();
    pod(made.metadata === undefined ? made : { ...made, metadata: made.metadata });
    const matchExpressions = [{ key: 'track', operator: 'DoesNotExist' }];
    const selector = { matchLabels: app(), matchExpressions };
    expect(await stored(replicaSet({}, { selector }))).toEqual({ [tagged]: now });
  });

  test('a selector that is larger than any in use, and costs no read', async () => {
    pod();
    const matchExpressions = Array.from({ length: 1_000 }, (_, index) => ({
      key: `absent-${index}`,
      operator: 'DoesNotExist',
    }));
    const selector = { matchLabels: app(), matchExpressions };
    expect(await stored(replicaSet({}, { selector }))).toEqual({ [tagged]: now });
    expect(webhook.api.requests.of('pods')).toEqual([]);
  });

  test('and where there are no pods, one small request says so', async () => {
    await stored(replicaSet());
    const lists = webhook.api.requests.of('pods', 'list');
    expect(lists.map(({ query }) => query.get('limit'))).toEqual(['1']);
    expect(lists[0]?.headers.accept).toContain('PartialObjectMetadataList');
  });
});

test('a ReplicaSet stores nothing that its pods may contradict, where they cannot be read', async () => {
  mends.push(webhook.api.fail({ resource: 'pods', effect: 'forbidden' }));
  expect(await stored(replicaSet())).toEqual({ [tagged]: null });
});

describe.each([
  ['StatefulSet', statefulSet, () => ({ 'controller-revision-hash': `db-${counter}-6fd` })],
  ['DaemonSet', daemonSet, () => ({ 'controller-revision-hash': '6fd' })],
])('a ControllerRevision of a %s that is made again', (_, owner, labels) => {
  test('has the digest of its pods', async () => {
    pod({ owner: owner(), labels: labels() });
    expect(await stored(controllerRevision(owner()))).toEqual({ [tagged]: before });
  });

  test('has that of pods without an owner, which the set adopts', async () => {
    pod({ labels: labels() });
    expect(await stored(controllerRevision(owner()))).toEqual({ [tagged]: before });
  });

  test('has nothing from pods of another revision, or of another set', async () => {
    pod({ owner: owner(), labels: { 'controller-revision-hash': `db-${counter}-another` } });
    pod({ name: 'second', owner: { ...owner(), uid: 'another' }, labels: labels() });
    expect(await stored(controllerRevision(owner()))).toEqual({ [tagged]: now });
  });
});

describe('a manifest without annotations that replaces', () => {
  const job = (metadata: object = {}) => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: `task-${counter}`, namespace: 'default', ...metadata },
    spec: { suspend: true, template: template(tagged) },
  });
  const old = () => ({
    [`pins.tagpin.dev/own.${Date.now().toString(36)}`]: JSON.stringify({ [tagged]: before }),
  });

  test.each([
    ['a ReplicaSet', replicaSet],
    ['a Job', job],
  ])('%s leaves it its digests, and no registry is asked', async (_, make) => {
    registry.requests.clear();
    expect(await stored(make(), make({ annotations: old() }))).toEqual({ [tagged]: before });
    expect(registry.requests.entries).toEqual([]);
  });

  test('a ControllerRevision leaves it its digests, without its labels, too', async () => {
    const revision = controllerRevision(statefulSet());
    const pins = { 'pins.tagpin.dev/6fd.100': JSON.stringify({ [tagged]: before }) };
    const { labels: _, ...unlabelled } = revision.metadata;
    const updated = { ...revision, metadata: unlabelled };
    const annotations = await annotationsOf(updated, {
      ...revision,
      metadata: { ...revision.metadata, annotations: pins },
    });
    expect(Object.keys(annotations)).toEqual([expect.stringMatching(/^pins\.tagpin\.dev\/own\./)]);
  });

  test('a ReplicaSet with another template leaves the images that stay their digests', async () => {
    const other = `${registry.host}/${repository}:2`;
    const second = registry.push(repository, '2', image());
    const after = replicaSet({}, { template: template(tagged, other) });
    expect(await stored(after, replicaSet({ annotations: old() }))).toEqual({
      [tagged]: before,
      [other]: second,
    });
  });

  test('a ReplicaSet by an older copy of itself does not bring its digests back', async () => {
    const copy = { 'pins.tagpin.dev/own.100': JSON.stringify({ [tagged]: now }) };
    expect(await stored(replicaSet({ annotations: copy }), replicaSet({ annotations: old() }))).toEqual({
      [tagged]: before,
    });
  });

  test('a ReplicaSet whose tag could not be resolved asks for nothing', async () => {
    const lacking = { 'pins.tagpin.dev/own.100': JSON.stringify({ [tagged]: null }) };
    expect(await stored(replicaSet(), replicaSet({ annotations: lacking }))).toEqual({ [tagged]: null });
  });

  test('newer digests that a person stores at the same time stay', async () => {
    const newer = { 'pins.tagpin.dev/own.zzzzzzzz': JSON.stringify({ [tagged]: now }) };
    const annotations = await annotationsOf(
      replicaSet({ annotations: newer }),
      replicaSet({ annotations: {} }),
    );
    expect(annotations).toEqual(newer);
  });
});

describe('a revision whose annotations are full', () => {
  const full = () => ({ big: 'x'.repeat(256 * 1024 - 10) });

  test('stores nothing, is admitted, and its pods agree', async () => {
    const uid = `uid-${counter}`;
    const created = replicaSet({ annotations: full() });
    expect(await annotationsOf(created)).toEqual(full());
    webhook.api.put({ ...created, metadata: { ...created.metadata, uid } });
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `web-${counter}`, uid };
    pod({ owner });
    const next = {
      metadata: { name: 'next', labels: app(), ownerReferences: [{ ...owner, controller: true }] },
      spec: { containers: [{ name: 'c0', image: tagged }] },
    };
    const { spec } = applyPatch(next, await webhook.review('enforce', podReview(next)));
    expect(spec.containers[0]?.image).toBe(`${registry.host}/${repository}@${before}`);
  });

  test('keeps what it has stored, if what is new has no room', async () => {
    const pins = { 'pins.tagpin.dev/own.100': JSON.stringify({ [tagged]: before }) };
    const annotations = { ...pins, big: 'x'.repeat(256 * 1024 - 140 - tagged.length) };
    const other = `${registry.host}/${repository}:2`;
    registry.push(repository, '2', image());
    const after = replicaSet({ annotations }, { template: template(tagged, other) });
    expect(await stored(after, replicaSet({ annotations }))).toEqual({ [tagged]: before });
  });
});
