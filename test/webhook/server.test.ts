import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { podReview } from '../support/admission.ts';
import { startWebhook, type Webhook } from './webhooks.ts';

let webhook: Webhook;
beforeAll(async () => {
  webhook = await startWebhook();
});
afterAll(() => webhook[Symbol.asyncDispose]());

const digest = `sha256:${'a'.repeat(64)}`;
const harmless = podReview({
  metadata: { name: 'web' },
  spec: { containers: [{ name: 'web', image: `app@${digest}` }] },
});

test.each(['admission.k8s.io/v1', 'admission.k8s.io/v1beta1'])(
  'the answer to %s has the same version and uid',
  async (apiVersion) => {
    const answer = await webhook.review('enforce', { ...harmless, apiVersion });
    expect(answer).toMatchObject({ apiVersion, response: { uid: harmless.request.uid, allowed: true } });
  },
);

describe('400 and a reason for', () => {
  test.each([
    ['an empty body', '', 'the body is not JSON; send an AdmissionReview'],
    ['broken JSON', '{"kind":', 'the body is not JSON'],
    ['another kind', JSON.stringify({ ...harmless, kind: 'Pod' }), 'kind: '],
    ['another version', JSON.stringify({ ...harmless, apiVersion: 'v2' }), 'apiVersion: '],
    ['no request', JSON.stringify({ ...harmless, request: undefined }), 'request: '],
    ['no uid', JSON.stringify({ ...harmless, request: { ...harmless.request, uid: '' } }), 'request.uid: '],
    [
      'an object that is no pod',
      JSON.stringify({ ...harmless, request: { ...harmless.request, object: { metadata: {}, spec: 7 } } }),
      'not a valid Pod: spec: ',
    ],
    [
      'no object',
      JSON.stringify({ ...harmless, request: { ...harmless.request, object: null } }),
      'not a valid Pod: ',
    ],
    [
      'an UPDATE without oldObject',
      JSON.stringify({ ...harmless, request: { ...harmless.request, operation: 'UPDATE' } }),
      'not a valid Pod: ',
    ],
    [
      'an object of another kind',
      JSON.stringify({
        ...harmless,
        request: { ...harmless.request, kind: { group: 'apps', version: 'v1', kind: 'Deployment' } },
      }),
      "this path is for Pods; take Deployment out of the webhook's rules",
    ],
    ['a list', '[]', 'AdmissionReview: '],
  ])('%s', async (_what, body, reason) => {
    const { status, text } = await webhook.post('/pin/enforce', body);
    expect([status, text]).toEqual([400, expect.stringContaining(reason)]);
  });
});

test.each(['1.0005s', '2000h', '0s', 'soon', ''])(
  'a timeout of %j is no reason not to answer',
  async (timeout) => {
    expect((await webhook.review('enforce', harmless, timeout)).response.allowed).toBe(true);
  },
);

test('a CREATE needs no oldObject', async () => {
  const { oldObject: _, ...request } = harmless.request;
  expect((await webhook.review('enforce', { ...harmless, request })).response.allowed).toBe(true);
});

describe('415 for', () => {
  test.each([undefined, 'text/plain', 'application/yaml'])('content type %s', async (type) => {
    const { status } = await webhook.post(
      '/pin/enforce',
      JSON.stringify(harmless),
      type === undefined ? {} : { 'content-type': type },
    );
    expect(status).toBe(415);
  });

  test('a compressed body', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    expect((await webhook.post('/pin/enforce', JSON.stringify(harmless), headers)).status).toBe(415);
  });
});

test('a content type with parameters is JSON all the same', async () => {
  const { status } = await webhook.post('/pin/enforce', JSON.stringify(harmless), {
    'content-type': 'application/json; charset=utf-8',
  });
  expect(status).toBe(200);
});

describe('a body', () => {
  /** A review of about so many bytes. */
  const sized = (bytes: number) => {
    const annotations = { filler: 'x'.repeat(bytes - JSON.stringify(harmless).length - 100) };
    return JSON.stringify({
      ...harmless,
      request: { ...harmless.request, object: { ...harmless.request.object, metadata: { annotations } } },
    });
  };

  test('just below 7 MiB is reviewed', async () => {
    expect((await webhook.post('/pin/enforce', sized(7 * 1024 * 1024 - 200))).status).toBe(200);
  });

  test('above 7 MiB is 413', async () => {
    const { status, text } = await webhook.post('/pin/enforce', sized(7 * 1024 * 1024 + 200));
    expect([status, text]).toEqual([413, 'the body is larger than 7 MiB\n']);
  });
});

describe('harmless:', () => {
  test('__proto__ keys', async () => {
    const body = JSON.stringify(harmless).replace(
      '"metadata":{',
      '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"metadata":{"annotations":{"__proto__":"x","tagpin.dev/images":"{\\"__proto__\\":\\"x\\"}"},',
    );
    expect((await webhook.post('/pin/enforce', body)).status).toBe(200);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  test('10,000 levels', async () => {
    const deep = `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`;
    const body = JSON.stringify(harmless).replace('"metadata":{', `"status":${deep},"metadata":{`);
    expect((await webhook.post('/pin/enforce', body)).status).toBe(200);
  });

  test('nothing but brackets', async () => {
    expect((await webhook.post('/pin/enforce', '['.repeat(1_000_000))).status).toBe(400);
  });
});

test('other paths are 404', async () => {
  expect((await webhook.post('/pin/everything', '{}')).status).toBe(404);
});

test('GET is 404', async () => {
  expect((await fetch(`${webhook.url}/pin/enforce`)).status).toBe(404);
});
