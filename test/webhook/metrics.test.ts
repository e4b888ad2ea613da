import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createLogger } from '../../src/telemetry/log.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { LoadLimiter } from '../../src/webhook/load-limiter.ts';
import { createWebhookApp } from '../../src/webhook/server.ts';
import { podReview } from '../support/admission.ts';
import { startWebhook } from './webhooks.ts';

const byTag = {
  metadata: { name: 'web' },
  spec: { containers: [{ name: 'web', image: '127.0.0.1:1/app:1' }] },
};
const line = async (metrics: Metrics, start: string) =>
  (await metrics.text()).split('\n').find((text) => text.startsWith(start));

describe('requests to the API server are counted by what they are for', () => {
  test.each([
    ['forbidden' as const, '403', 1],
    // A read whose connection broke is sent twice.
    [{ outcome: 'reset' as const }, '0', 2],
  ])('%j is status %s', async (effect, status, times) => {
    await using webhook = await startWebhook();
    webhook.api.fail({ resource: 'serviceaccounts', effect });
    await webhook.review('enforce', podReview(byTag));
    const counted = `tagpin_kubernetes_requests_total{resource="serviceaccounts",method="GET",status="${status}"}`;
    expect(await line(webhook.metrics, counted)).toBe(`${counted} ${times}`);
    const timed = 'tagpin_kubernetes_request_duration_seconds_count{resource="serviceaccounts"}';
    expect(await line(webhook.metrics, timed)).toBe(`${timed} ${times}`);
  });

  test('an answer is its status', async () => {
    await using webhook = await startWebhook();
    const spec = { ...byTag.spec, imagePullSecrets: [{ name: 'absent' }] };
    await webhook.review('enforce', podReview({ ...byTag, spec }));
    const counted = 'tagpin_kubernetes_requests_total{resource="secrets",method="GET",status="404"}';
    expect(await line(webhook.metrics, counted)).toBe(`${counted} 1`);
  });
});

describe('reviews without a verdict are counted', () => {
  const unreadable = 'tagpin_admission_failures_total{path="/pin/enforce",reason="unreadable"}';
  const failed = 'tagpin_admission_failures_total{path="/pin/enforce",reason="failed"}';

  test.each(['{}', 'x', JSON.stringify({ ...podReview(byTag), request: 7 })])(
    '%.20s as unreadable',
    async (body) => {
      await using webhook = await startWebhook();
      expect((await webhook.post('/pin/enforce', body)).status).toBe(400);
      expect(await line(webhook.metrics, unreadable)).toBe(`${unreadable} 1`);
      expect(await line(webhook.metrics, failed)).toBe(`${failed} 0`);
    },
  );

  test('where the webhook itself fails, as failed', async () => {
    const metrics = new Metrics();
    const handle = () => Promise.reject(new TypeError('a defect'));
    const app = createWebhookApp({
      routes: [{ path: '/pin/enforce', handle, failed: { allowed: false } }],
      log: createLogger('silent', { write: () => undefined }),
      metrics,
      load: new LoadLimiter(64 * 2 ** 20),
      draining: () => false,
    });
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify(podReview(byTag));
    const response = await fetch(`http://127.0.0.1:${port}/pin/enforce`, { method: 'POST', headers, body });
    expect(await response.json()).toMatchObject({ response: { allowed: false } });
    expect(await line(metrics, failed)).toBe(`${failed} 1`);
    server.close();
  });
});
