import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type ApiServer, startApiServer } from './api-server.ts';

const secrets = '/api/v1/namespaces/team/secrets';

async function start(): Promise<ApiServer> {
  const server = await startApiServer();
  server.put({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'a', namespace: 'team' },
    data: { k: 'dg==' },
  });
  return server;
}

interface Sent {
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
}

const answer = z.looseObject({
  message: z.string().optional(),
  metadata: z.looseObject({}),
  items: z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) })).optional(),
});

async function send(server: ApiServer, method: string, path: string, { body, type, accept }: Sent = {}) {
  const response = await fetch(server.url + path, {
    method,
    headers: { 'Content-Type': type ?? 'application/json', ...(accept && { Accept: accept }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const { status } = response;
  return { status, body: answer.parse(await response.json()) };
}

/** The names in a list. */
async function names(server: ApiServer, path: string): Promise<(string | undefined)[] | undefined> {
  return (await send(server, 'GET', path)).body.items?.map(({ metadata }) => metadata.name);
}

function versioned(resourceVersion: string, more: object = {}) {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', resourceVersion }, ...more };
}

describe('refusals in the words of the real server', () => {
  test.each([
    ['GET', `${secrets}/x`, {}, 404, 'secrets "x" not found'],
    ['GET', '/apis/apps/v1/namespaces/team/replicasets/x', {}, 404, 'replicasets.apps "x" not found'],
    ['GET', '/api/v1/namespaces/team/nothings', {}, 404, 'the server could not find the requested resource'],
    ['POST', secrets, { body: versioned('') }, 409, 'secrets "a" already exists'],
    [
      'PUT',
      `${secrets}/a`,
      { body: versioned('0') },
      409,
      'Operation cannot be fulfilled on secrets "a": the object has been modified; please apply your changes to ' +
        'the latest version and try again',
    ],
    [
      'PUT',
      `${secrets}/b`,
      { body: versioned('1') },
      400,
      'the name of the object (a) does not match the name on the URL (b)',
    ],
    [
      'POST',
      secrets,
      { body: { metadata: {} } },
      422,
      'Secret "" is invalid: metadata.name: Required value: name or generateName is required',
    ],
    [
      'PATCH',
      `${secrets}/a`,
      { type: 'application/json-patch+json', body: [{ op: 'replace', path: '/no', value: 1 }] },
      422,
      'the server rejected our request due to an error in our request',
    ],
    ['PATCH', `${secrets}/a`, { body: {} }, 415, '415: Unsupported Media Type'],
    ['GET', `${secrets}?fieldSelector=foo%3Dx`, {}, 400, 'field label not supported: foo'],
  ])('%s %s', async (method, path, sent, code, message) => {
    await using server = await start();
    const { status, body } = await send(server, method, path, sent);
    expect([status, body]).toMatchObject([code, { kind: 'Status', status: 'Failure', code, message }]);
  });
});

describe('a new object', () => {
  test('gets uid, version and creation time', async () => {
    await using server = await start();
    const { body } = await send(server, 'POST', secrets, { body: { metadata: { name: 'b' } } });
    expect(body.metadata).toMatchObject({
      namespace: 'team',
      uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      resourceVersion: '2',
      creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
  });
  test('can have its name generated', async () => {
    await using server = await start();
    const { body } = await send(server, 'POST', secrets, { body: { metadata: { generateName: 'b-' } } });
    expect(body.metadata['name']).toMatch(/^b-.{5}$/);
  });
  test('is not stored by a dry run', async () => {
    await using server = await start();
    await send(server, 'POST', `${secrets}?dryRun=All`, { body: { metadata: { name: 'b' } } });
    expect(server.find('Secret', 'team', 'b')).toBeUndefined();
  });
});

describe('an update', () => {
  test('of the version that is there gives the next', async () => {
    await using server = await start();
    const { body } = await send(server, 'PUT', `${secrets}/a`, { body: versioned('1') });
    expect(body.metadata['resourceVersion']).toBe('2');
  });
  test('keeps the uid', async () => {
    await using server = await start();
    const before = server.find('Secret', 'team', 'a');
    const { body } = await send(server, 'PUT', `${secrets}/a`, { body: versioned('1') });
    expect(body.metadata['uid']).toBe(before?.metadata.uid);
  });
});

describe('a patch', () => {
  test('as JSON patch', async () => {
    await using server = await start();
    const operations = [{ op: 'add', path: '/data/n', value: 'dw==' }];
    await send(server, 'PATCH', `${secrets}/a`, { type: 'application/json-patch+json', body: operations });
    expect(server.find('Secret', 'team', 'a')).toMatchObject({ data: { k: 'dg==', n: 'dw==' } });
  });
  test('as merge patch takes away what is null', async () => {
    await using server = await start();
    const patch = { data: { k: null, n: 'dw==' } };
    await send(server, 'PATCH', `${secrets}/a`, { type: 'application/merge-patch+json', body: patch });
    expect(server.find('Secret', 'team', 'a')?.['data']).toEqual({ n: 'dw==' });
  });
  test('with an old resourceVersion is a conflict', async () => {
    await using server = await start();
    const patch = { metadata: { resourceVersion: '0' } };
    const sent = { type: 'application/merge-patch+json', body: patch };
    expect((await send(server, 'PATCH', `${secrets}/a`, sent)).status).toBe(409);
  });
  test('as strategic merge merges lists by name', async () => {
    await using server = await start();
    server.put({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'w' },
      webhooks: [{ name: 'one', failurePolicy: 'Fail' }, { name: 'two' }],
    });
    const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/w';
    const patch = {
      webhooks: [
        { name: 'one', sideEffects: 'None' },
        { name: 'two', $patch: 'delete' },
      ],
    };
    await send(server, 'PATCH', path, { type: 'application/strategic-merge-patch+json', body: patch });
    expect(server.find('MutatingWebhookConfiguration', undefined, 'w')?.['webhooks']).toEqual([
      { name: 'one', failurePolicy: 'Fail', sideEffects: 'None' },
    ]);
  });
});

describe('a deletion', () => {
  test('takes the object away', async () => {
    await using server = await start();
    expect((await send(server, 'DELETE', `${secrets}/a`)).body).toMatchObject({ status: 'Success' });
    expect(server.find('Secret', 'team', 'a')).toBeUndefined();
  });
  test('with another uid as precondition is a conflict', async () => {
    await using server = await start();
    const body = { preconditions: { uid: 'x' } };
    expect((await send(server, 'DELETE', `${secrets}/a`, { body })).status).toBe(409);
  });
});

describe('a list', () => {
  async function startWithPods(): Promise<ApiServer> {
    const server = await start();
    const pods = [
      ['c', 'team', { app: 'web', tier: 'front' }],
      ['a', 'team', { app: 'web' }],
      ['b', 'other', { app: 'db' }],
    ] as const;
    for (const [name, namespace, labels] of pods) {
      server.put({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace, labels },
        spec: { nodeName: `on-${name}` },
      });
    }
    return server;
  }
  test.each([
    ['/api/v1/pods', ['b', 'a', 'c']],
    ['/api/v1/namespaces/team/pods', ['a', 'c']],
    ['/api/v1/pods?labelSelector=app%3Ddb', ['b']],
    ['/api/v1/pods?labelSelector=app!%3Ddb', ['a', 'c']],
    ['/api/v1/pods?labelSelector=app%20in%20(db,web),tier', ['c']],
    ['/api/v1/pods?labelSelector=app%20notin%20(db),!tier', ['a']],
    ['/api/v1/pods?fieldSelector=metadata.name%3Da', ['a']],
    ['/api/v1/pods?fieldSelector=spec.nodeName!%3Don-a', ['b', 'c']],
  ])('%s', async (path, expected) => {
    await using server = await startWithPods();
    expect(await names(server, path)).toEqual(expected);
  });
  test('comes in pages', async () => {
    await using server = await startWithPods();
    const first = await send(server, 'GET', '/api/v1/pods?limit=2');
    expect(first.body.metadata).toMatchObject({ remainingItemCount: 1 });
    expect(await names(server, `/api/v1/pods?limit=2&continue=${first.body.metadata['continue']}`)).toEqual([
      'c',
    ]);
  });
});

test('metadata alone can be asked for', async () => {
  await using server = await start();
  const accept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
  const { body } = await send(server, 'GET', `${secrets}/a`, { accept });
  expect(body).toEqual({
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata: server.find('Secret', 'team', 'a')?.metadata,
  });
});

describe('a fault', () => {
  const user = 'system:serviceaccount:tagpin-system:tagpin';
  test.each([
    [
      'GET',
      `${secrets}/a`,
      `secrets "a" is forbidden: User "${user}" cannot get resource "secrets" in API group "" in the namespace "team"`,
    ],
    [
      'GET',
      '/api/v1/secrets',
      `secrets is forbidden: User "${user}" cannot list resource "secrets" in API group "" at the cluster scope`,
    ],
  ])('forbids %s %s as RBAC does', async (method, path, message) => {
    await using server = await start();
    server.fail({ resource: 'secrets', effect: 'forbidden' });
    const { status, body } = await send(server, method, path);
    expect([status, body.message]).toEqual([403, message]);
  });
  test.each([{ resource: 'pods' }, { namespace: 'other' }, { name: 'b' }, { verbs: ['list' as const] }])(
    'of %j is none of others',
    async (rule) => {
      await using server = await start();
      server.fail({ ...rule, effect: 'forbidden' });
      expect((await send(server, 'GET', `${secrets}/a`)).status).toBe(200);
    },
  );
  test('is over when it is lifted', async () => {
    await using server = await start();
    server.fail({ effect: 'forbidden' })();
    expect((await send(server, 'GET', `${secrets}/a`)).status).toBe(200);
  });
  test('can delay', async () => {
    await using server = await start();
    server.fail({ effect: { delayMs: 60 } });
    await send(server, 'GET', `${secrets}/a`);
    expect(server.requests.entries[0]?.took).toBeGreaterThan(50);
  });
  test('can hang', async () => {
    await using server = await start();
    server.fail({ effect: { outcome: 'hang' } });
    const signal = AbortSignal.timeout(50);
    await expect(fetch(`${server.url}${secrets}/a`, { signal })).rejects.toThrow('timeout');
  });
});

test('the log counts by resource and verb', async () => {
  await using server = await start();
  await names(server, secrets);
  await send(server, 'GET', `${secrets}/a`);
  expect([server.requests.of('secrets').length, server.requests.of('secrets', 'get').length]).toEqual([2, 1]);
});
