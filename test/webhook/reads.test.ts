import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { podReview } from '../support/admission.ts';
import { image } from '../support/registry/image.ts';
import { startRegistry } from '../support/registry/registry.ts';
import { pullSecret, startWebhook } from './webhooks.ts';

async function start() {
  const registry = await startRegistry();
  registry.push('app', '1', image());
  const webhook = await startWebhook();
  const pod = (secrets: readonly string[]) => ({
    metadata: { name: 'web' },
    spec: {
      containers: [{ name: 'web', image: `${registry.host}/app:1` }],
      imagePullSecrets: secrets.map((name) => ({ name })),
    },
  });
  return {
    webhook,
    podReview: (namespace: string, secrets: readonly string[]) => podReview(pod(secrets), { namespace }),
    /** Reviews a pod with these pull secrets. */
    async review(namespace: string, secrets: readonly string[], timeout = '10s') {
      const { response } = await webhook.review('enforce', podReview(pod(secrets), { namespace }), timeout);
      return response;
    },
    async [Symbol.asyncDispose]() {
      await webhook[Symbol.asyncDispose]();
      await registry.close();
    },
  };
}

const many = (count: number) => Array.from({ length: count }, (_, i) => `secret-${i}`);

test('a namespace whose reads queue up delays no other namespace', async () => {
  await using at = await start();
  const { api } = at.webhook;
  api.put(pullSecret('own', 'registry.example.com', 'ada', 'correct-horse', 'other'));
  api.fail({ resource: 'secrets', namespace: 'crowd', effect: { outcome: 'hang' } });
  const answered: string[] = [];
  const crowd = many(100).map((secret) =>
    at.review('crowd', [secret], '6s').then(() => answered.push('crowd')),
  );
  // They end with the server.
  void Promise.allSettled(crowd);
  while (api.requests.of('secrets').length < 4) await delay(5);
  expect(await at.review('other', ['own'], '6s')).toMatchObject({ allowed: true });
  expect(answered).toEqual([]);
});

test('a review whose reads wait until its time is over is told that, and what to do', async () => {
  await using at = await start();
  at.webhook.api.fail({ resource: 'secrets', effect: { delayMs: 100 } });
  const reviews = many(60).map((pod) =>
    at.review(
      'crowd',
      many(10).map((secret) => `${pod}-${secret}`),
      '3s',
    ),
  );
  const refused = (await Promise.all(reviews)).filter(({ allowed }) => !allowed);
  expect(refused).not.toEqual([]);
  for (const { status } of refused) {
    expect(status?.message).toMatch(
      /GET \/api\/v1\/namespaces\/crowd\/secrets\/\S+: too many reads of this namespace are waiting; .*fewer pull secrets/,
    );
  }
});

test('a review that is over takes its reads with it', async () => {
  await using at = await start();
  const { requests, fail } = at.webhook.api;
  fail({ resource: 'secrets', effect: { outcome: 'hang' } });
  await at.review('crowd', many(100), '2s');
  const begun = requests.of('secrets').length;
  await delay(200);
  // Four were under way, and none of those that waited was begun when those ended.
  expect(begun).toBeLessThanOrEqual(4);
  expect(requests.of('secrets')).toHaveLength(begun);
});

test('a review that the API server gives up takes its reads with it', async () => {
  await using at = await start();
  const { webhook } = at;
  webhook.api.put(pullSecret('own', 'registry.example.com', 'ada', 'correct-horse', 'crowd'));
  const heal = webhook.api.fail({ resource: 'secrets', effect: { outcome: 'hang' } });
  const givenUp = new AbortController();
  const body = JSON.stringify(at.podReview('crowd', many(4)));
  const headers = { 'content-type': 'application/json' };
  const call = { method: 'POST', body, headers, signal: givenUp.signal };
  const review = fetch(`${webhook.url}/pin/enforce?timeout=30s`, call);
  while (webhook.api.requests.of('secrets').length < 4) await delay(5);
  givenUp.abort();
  await expect(review).rejects.toThrow('aborted');
  heal();
  // It waits for one of the four turns of its namespace.
  expect(await at.review('crowd', ['own'], '3s')).toMatchObject({ allowed: true });
});
