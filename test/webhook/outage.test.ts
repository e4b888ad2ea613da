import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { podReview } from '../support/admission.ts';
import { image } from '../support/registry/image.ts';
import { startRegistry } from '../support/registry/registry.ts';
import { startWebhook, type Webhook } from './webhooks.ts';

const podOf = (image: string) => ({
  metadata: { name: 'web' },
  spec: { containers: [{ name: 'web', image }] },
});

async function start(config: string) {
  const registry = await startRegistry();
  const webhook = await startWebhook(config);
  webhook.api.put({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace: 'default', name: 'default' },
  });
  const name = (repository: string) => `${registry.host}/${repository}:1`;
  for (let count = 0; count < 100; count++) registry.push(`app-${count}`, '1', image());
  const close = async () => {
    await webhook[Symbol.asyncDispose]();
    await registry.close();
  };
  return { registry, webhook, name, [Symbol.asyncDispose]: close };
}

const create = (webhook: Webhook, image: string, timeout = '10s') =>
  webhook.review('enforce', podReview(podOf(image)), timeout).then(({ response }) => response);

test('a stale digest is a warning, a line of log and a count', async () => {
  await using at = await start('cache: {age: 1ms, staleAge: 1h}');
  await create(at.webhook, at.name('app-1'));
  at.webhook.log.length = 0;
  at.registry.fault = { outcome: 'reset' };
  const { allowed, warnings } = await create(at.webhook, at.name('app-1'));
  expect(allowed).toBe(true);
  expect(warnings).toEqual([
    expect.stringMatching(
      /^container "web": .*\/app-1:1: pinned to what the tag was \d+ s ago: the registry can't be reached/,
    ),
  ]);
  expect(at.webhook.log).toEqual([
    expect.objectContaining({ level: 'warn', source: 'stale', msg: 'pinned' }),
  ]);
  expect(await at.webhook.metrics.text()).toMatch(/reason="stale"\} 1/);
});

test('a rate limit is told with its end', async () => {
  await using at = await start('{}');
  const outcome = {
    status: 429,
    headers: { 'Retry-After': '90' },
    body: '{"errors":[{"code":"TOOMANYREQUESTS"}]}',
  };
  at.registry.fault = { outcome };
  const { status } = await create(at.webhook, at.name('app-1'));
  expect(status?.message).toContain(
    "the registry's rate limit is reached (429); try again in ten minutes, or add a pull secret with a higher limit",
  );
});

// Times are real here: what is shown is that all the limits together let a registry come back.
test.concurrent.each(['hang', 'reset'] as const)(
  'after a registry was down (%s) under load, the first pod is pinned within 5 s',
  async (outcome) => {
    await using at = await start('{}');
    at.registry.fault = { outcome };
    const load = Array.from({ length: 60 }, async (_, index) => {
      await delay(index * 50);
      const started = performance.now();
      const response = await create(at.webhook, at.name(`app-${index}`), '2s');
      return { response, took: performance.now() - started };
    });
    const lost = await Promise.all(load);
    for (const { response, took } of lost) {
      expect(response.allowed).toBe(false);
      expect(took).toBeLessThan(2_000);
    }
    at.registry.fault = undefined;
    const ended = performance.now();
    for (;;) {
      const { allowed } = await create(at.webhook, at.name('app-99'), '2s');
      if (allowed) break;
      await delay(100);
    }
    const took = performance.now() - ended;
    expect(took).toBeLessThan(5_000);
  },
);
