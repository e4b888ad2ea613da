import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { applyResponse, objectReview } from '../support/admission.ts';
import { image } from '../support/registry/image.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';
import { pullSecret, startWebhook, type Webhook } from './webhooks.ts';

let registry: Registry;
let webhook: Webhook;
let repository: string;
let tagged: string;
let digest: string;
let counter = 0;

beforeAll(async () => {
  registry = await startRegistry({
    auth: { scheme: 'bearer' },
    users: [{ name: 'ada', password: 'correct-horse', pull: ['private/*'] }],
    public: ['open/*'],
  });
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
beforeEach(() => {
  repository = `open/app-${++counter}`;
  tagged = `${registry.host}/${repository}:1`;
  digest = registry.push(repository, '1', image());
  registry.requests.clear();
  webhook.log.length = 0;
});

const template = (...images: string[]) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: images.map((image, index) => ({ name: `c${index}`, image })) },
});
const labels = { app: 'web', 'pod-template-hash': 'abc' };

const replicaSet = (of: object = template(tagged), annotations?: Record<string, string>) => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name: 'web-abc', namespace: 'default', labels, ...(annotations && { annotations }) },
  spec: { template: of },
});

const storedSchema = z.object({
  metadata: z.object({ annotations: z.record(z.string(), z.string()).default({}) }),
  spec: z.unknown().optional(),
});

/** The object's annotations once it is stored. */
async function annotationsOf(object: object, oldObject?: object): Promise<Record<string, string>> {
  const options = oldObject === undefined ? {} : { oldObject: { ...oldObject } };
  const response = await webhook.ask('/revision', objectReview({ ...object }, options));
  return storedSchema.parse(applyResponse(object, response)).metadata.annotations;
}

/** What is stored under each key, the time left out. */
const pinsIn = (annotations: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(annotations)
      .filter(([name]) => name.startsWith('pins.tagpin.dev/'))
      .map(([name, value]) => [name.replace(/\.[0-9a-z]+$/, ''), JSON.parse(value)]),
  );

describe('a revision that is made has the digests of its template stored', () => {
  test('in a ReplicaSet, by its hash and the time, and its template stays as it is', async () => {
    const before = Date.now();
    const reviewed = await webhook.ask('/revision', objectReview(replicaSet()));
    const stored = storedSchema.parse(applyResponse(replicaSet(), reviewed));
    expect(stored.spec).toEqual(replicaSet().spec);
    const [[name = '', value = ''] = []] = Object.entries(stored.metadata.annotations);
    const [, time = ''] = /^pins\.tagpin\.dev\/abc\.([0-9a-z]+)$/.exec(name) ?? [];
    expect(Number.parseInt(time, 36)).toBeGreaterThanOrEqual(before);
    expect(JSON.parse(value)).toEqual({ [tagged]: digest });
  });

  test("in a StatefulSet's ControllerRevision", async () => {
    const revision = {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        name: 'web-abc',
        namespace: 'default',
        labels: { 'controller.kubernetes.io/hash': 'abc' },
      },
      data: { spec: { template: { $patch: 'replace', ...template(tagged) } } },
      revision: 1,
    };
    expect(pinsIn(await annotationsOf(revision))).toEqual({
      'pins.tagpin.dev/abc': { [tagged]: digest },
    });
  });

  test('in a Job, as its own', async () => {
    const job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'task', namespace: 'default', annotations: { other: 'x' } },
      spec: { template: template(tagged) },
    };
    const annotations = await annotationsOf(job);
    expect(pinsIn(annotations)).toEqual({ 'pins.tagpin.dev/own': { [tagged]: digest } });
    expect(annotations['other']).toBe('x');
  });

  test('of init containers and image volumes too, equal images once', async () => {
    const other = `${registry.host}/${repository}:2`;
    const second = registry.push(repository, '2', image());
    const spec = {
      initContainers: [{ name: 'init', image: tagged }],
      containers: [{ name: 'web', image: tagged }],
      volumes: [{ name: 'data', image: { reference: other } }],
    };
    expect(pinsIn(await annotationsOf(replicaSet({ spec })))).toEqual({
      'pins.tagpin.dev/abc': { [tagged]: digest, [other]: second },
    });
  });

  test("with the credentials that its pods will have: the template's", async () => {
    registry.push('private/app', '1', image());
    webhook.api.put(pullSecret('mine', registry.host, 'ada', 'correct-horse'));
    const privateImage = `${registry.host}/private/app:1`;
    const withSecret = {
      ...template(privateImage),
      spec: { ...template(privateImage).spec, imagePullSecrets: [{ name: 'mine' }] },
    };
    const pins = pinsIn(await annotationsOf(replicaSet(withSecret)));
    expect(pins['pins.tagpin.dev/abc'][privateImage]).toMatch(/^sha256:/);
  });

  test("with the credentials that its pods will have: its ServiceAccount's", async () => {
    registry.push('private/robot', '1', image());
    webhook.api.put(pullSecret('theirs', registry.host, 'ada', 'correct-horse'));
    webhook.api.put({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { namespace: 'default', name: 'robot' },
      imagePullSecrets: [{ name: 'theirs' }],
    });
    const privateImage = `${registry.host}/private/robot:1`;
    const asRobot = {
      ...template(privateImage),
      spec: { ...template(privateImage).spec, serviceAccountName: 'robot' },
    };
    const pins = pinsIn(await annotationsOf(replicaSet(asRobot)));
    expect(pins['pins.tagpin.dev/abc'][privateImage]).toMatch(/^sha256:/);
  });

  test('as they are now: what a pod asked for a while ago does not count', async () => {
    await annotationsOf(replicaSet());
    const moved = registry.push(repository, '1', image());
    await delay(2_100);
    expect(pinsIn(await annotationsOf(replicaSet()))).toEqual({
      'pins.tagpin.dev/abc': { [tagged]: moved },
    });
  });

  test('above those of an old copy, which are displaced', async () => {
    const copy = {
      'pins.tagpin.dev/abc.1': JSON.stringify({ [tagged]: `sha256:${'0'.repeat(64)}` }),
      'pins.tagpin.dev/def.1': JSON.stringify({ [tagged]: `sha256:${'0'.repeat(64)}` }),
    };
    expect(pinsIn(await annotationsOf(replicaSet(undefined, copy)))).toEqual({
      'pins.tagpin.dev/abc': { [tagged]: digest },
      'pins.tagpin.dev/def': { [tagged]: `sha256:${'0'.repeat(64)}` },
    });
  });

  test('once: asked again about what it has stored, it changes nothing', async () => {
    const stored = replicaSet(undefined, await annotationsOf(replicaSet()));
    const { response } = await webhook.ask('/revision', objectReview(stored));
    expect(response.patch).toBeUndefined();
  });
});

describe('a revision is never refused', () => {
  test('for an image that cannot be resolved: that one is noted as such, and counted', async () => {
    const absent = `${registry.host}/${repository}:absent`;
    expect(pinsIn(await annotationsOf(replicaSet(template(tagged, absent))))).toEqual({
      'pins.tagpin.dev/abc': { [tagged]: digest, [absent]: null },
    });
    expect(await webhook.metrics.text()).toContain(
      'tagpin_revision_images_total{kind="ReplicaSet",outcome="failed",reason="not_found"} 1',
    );
    expect(webhook.log).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        msg: 'not resolved for a revision',
        revision: 'ReplicaSet web-abc',
        image: absent,
        reason: 'not_found',
      }),
    );
  });

  test.each([
    ['by digest', () => `${registry.host}/${repository}@${digest}`],
    ['that is none', () => ' '],
  ])('for an image %s, and nothing is stored', async (_, written) => {
    expect(await annotationsOf(replicaSet(template(written())))).toEqual({});
  });

  test('for data that is no template', async () => {
    const revision = {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: { name: 'other', namespace: 'default' },
      data: { anything: [1, 2] },
    };
    expect(await annotationsOf(revision)).toEqual({});
  });

  test('for annotations that leave no room: then nothing is stored', async () => {
    const big = { big: 'x'.repeat(256 * 1024 - 10) };
    expect(await annotationsOf(replicaSet(undefined, big))).toEqual(big);
    expect(await webhook.metrics.text()).toContain(
      'tagpin_revisions_total{kind="ReplicaSet",outcome="too_large"} 1',
    );
  });

  test('while its pull secrets cannot be read', async () => {
    const allowed = webhook.api.fail({ resource: 'serviceaccounts', effect: 'forbidden' });
    try {
      const ofOther = { ...template(tagged), spec: { ...template(tagged).spec, serviceAccountName: 'x' } };
      expect(pinsIn(await annotationsOf(replicaSet(ofOther)))).toEqual({
        'pins.tagpin.dev/abc': { [tagged]: null },
      });
    } finally {
      allowed();
    }
  });
});

describe('a template that is changed, as that of a ReplicaSet without owner can be', () => {
  const other = () => `${registry.host}/${repository}:2`;

  test('keeps the digests of the images that stay, and gets those of new ones', async () => {
    const before = replicaSet(undefined, await annotationsOf(replicaSet()));
    const second = registry.push(repository, '2', image());
    registry.push(repository, '1', image());
    const after = replicaSet(template(tagged, other()), before.metadata.annotations);
    expect(pinsIn(await annotationsOf(after, before))).toEqual({
      'pins.tagpin.dev/abc': { [tagged]: digest, [other()]: second },
    });
  });

  test('forgets the images that are gone', async () => {
    const before = replicaSet(undefined, await annotationsOf(replicaSet()));
    const second = registry.push(repository, '2', image());
    const after = replicaSet(template(other()), before.metadata.annotations);
    expect(pinsIn(await annotationsOf(after, before))).toEqual({
      'pins.tagpin.dev/abc': { [other()]: second },
    });
  });

  test('stores nothing where nothing was: what its pods run is not known here', async () => {
    registry.push(repository, '2', image());
    expect(await annotationsOf(replicaSet(template(tagged, other())), replicaSet())).toEqual({});
  });
});

test('the path is for revisions only', async () => {
  const { status, text } = await webhook.post(
    '/revision',
    JSON.stringify(objectReview({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } })),
  );
  expect([status, text]).toEqual([
    400,
    "this path is for revisions; take Secret out of the webhook's rules\n",
  ]);
});
