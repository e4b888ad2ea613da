import { once } from 'node:events';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { podReview } from '../support/admission.ts';
import { image } from '../support/registry/image.ts';
import { type Registry, startRegistry } from '../support/registry/registry.ts';
import { startWebhook, type Webhook } from './webhooks.ts';

const MIB = 2 ** 20;
let registry: Registry;
let webhook: Webhook;

beforeAll(async () => {
  registry = await startRegistry();
  registry.push('app', '1', image());
});
afterAll(() => registry.close());
beforeEach(async () => {
  webhook = await startWebhook('{webhook: {inFlight: 8Mi}, cache: {age: 1ms}}');
  webhook.api.put({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace: 'default', name: 'default' },
  });
  return async () => {
    registry.fault = undefined;
    await webhook[Symbol.asyncDispose]();
  };
});

/** A review of so many MiB, of a pod whose image has to be asked for. */
const sized = (mib: number, name = `${registry.host}/app:1`) => {
  const metadata = { name: 'web', annotations: { filler: 'x'.repeat(mib * MIB) } };
  return JSON.stringify(podReview({ metadata, spec: { containers: [{ name: 'web', image: name }] } }));
};
const send = (body: string, timeout = '10s') =>
  fetch(`${webhook.url}/pin/enforce?timeout=${timeout}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });

test('a review without room for its body is answered 503, to be sent again on another connection', async () => {
  registry.fault = { outcome: 'hang' };
  const underWay = [send(sized(3), '2s'), send(sized(3), '2s')];
  await delay(200);
  const refused = await send(sized(3));
  expect([refused.status, refused.headers.get('retry-after'), refused.headers.get('connection')]).toEqual([
    503,
    '1',
    'close',
  ]);
  expect(await refused.text()).toBe('tagpin has more to do than it can do in time\n');
  expect((await send(sized(0), '1s')).status, 'there is room for a small one').toBe(200);
  expect(await webhook.metrics.text()).toContain(
    'tagpin_admission_shed_total{path="/pin/enforce",reason="full"} 1',
  );
  for (const answer of await Promise.all(underWay)) expect(answer.status).toBe(200);
  expect((await send(sized(3), '1s')).status, 'there is room again').toBe(200);
});

test('an overloaded webhook answers before the whole body is sent', async () => {
  registry.fault = { outcome: 'hang' };
  const underWay = [send(sized(3), '1s'), send(sized(3), '1s')];
  await delay(200);
  const sent = request(`${webhook.url}/pin/enforce`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': 3 * MIB },
  });
  sent.write(new Uint8Array(MIB));
  const [response] = await once(sent, 'response');
  expect(response.statusCode).toBe(503);
  sent.destroy();
  await Promise.all(underWay);
});

describe('room comes back after', () => {
  test.each([
    ['a review', () => sized(6), 200],
    ['a refusal', () => sized(6, 'NOT VALID'), 200],
    ['what is no review', () => JSON.stringify({ filler: 'x'.repeat(6 * MIB) }), 400],
    ['what is no JSON', () => 'x'.repeat(6 * MIB), 400],
    ['what is too large', () => 'x'.repeat(8 * MIB), 413],
  ])('%s', async (_what, body, status) => {
    for (let time = 0; time < 3; time++) expect((await send(body())).status).toBe(status);
  });

  test('a caller that gives up while it sends', async () => {
    for (let time = 0; time < 3; time++) {
      const gone = new AbortController();
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(MIB)),
      });
      const sending = fetch(`${webhook.url}/pin/enforce`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        duplex: 'half',
        signal: gone.signal,
      });
      await delay(100);
      gone.abort();
      await expect(sending).rejects.toThrow();
      await delay(100);
      expect((await send(sized(6))).status).toBe(200);
    }
  });
});

test('a review that has waited for a quarter of its time is answered 503 instead of started', async () => {
  const roomy = await startWebhook('webhook: {inFlight: 1Gi}');
  try {
    const bodies = Array.from({ length: 30 }, () => sized(3, `app@sha256:${'a'.repeat(64)}`));
    const answers = await Promise.all(bodies.map((body) => roomy.post('/pin/enforce?timeout=200ms', body)));
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    expect(count(200)).toBeGreaterThan(0);
    expect(count(503)).toBeGreaterThan(0);
    expect(count(200) + count(503)).toBe(30);
    expect(await roomy.metrics.text()).toContain(
      `tagpin_admission_shed_total{path="/pin/enforce",reason="late"} ${count(503)}`,
    );
  } finally {
    await roomy[Symbol.asyncDispose]();
  }
});
