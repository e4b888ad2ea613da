import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MAX_OF_ACCOUNT } from '../../src/credentials/pull-secrets.ts';
import { limits } from '../../src/pin/limits.ts';
import { podReview } from '../support/admission.ts';
import { startRegistry } from '../support/registry/registry.ts';
import { startWebhook, type Webhook } from './webhooks.ts';

let webhook: Webhook;
let registry: Awaited<ReturnType<typeof startRegistry>>;
beforeAll(async () => {
  registry = await startRegistry();
  webhook = await startWebhook();
});
afterAll(async () => {
  await webhook[Symbol.asyncDispose]();
  await registry.close();
});
beforeEach(() => {
  webhook.log.length = 0;
  webhook.api.requests.clear();
});

const many = 20_000;
const names = Array.from({ length: many }, (_, index) => `n${index}`);
const web = { name: 'web', image: 'registry.invalid/app:1' };
const pod = (spec: object = {}, metadata: object = {}) => ({
  metadata: { name: 'web', ...metadata },
  spec: { containers: [web], ...spec },
});

/** A pod beyond each limit, by the limit's field. */
const beyond: Record<string, ReturnType<typeof pod>> = {
  images: pod({ containers: names.map((name) => ({ name, image: 'not a reference!' })) }),
  imagePullSecrets: pod({ imagePullSecrets: names.map((name) => ({ name })) }),
  volumes: pod({ volumes: names.map((name) => ({ name })) }),
  labels: pod({}, { labels: Object.fromEntries(names.map((name) => [name, 'x'])) }),
  annotations: pod({}, { annotations: Object.fromEntries(names.map((name) => [name, 'x'])) }),
  ownerReferences: pod({}, { ownerReferences: names.map((name) => ({ name, uid: name })) }),
  'names in tagpin.dev/skip': pod({}, { annotations: { 'tagpin.dev/skip': names.join(',') } }),
};

test('the security page has every limit', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/security.md'), 'utf8');
  for (const { field, limit } of limits) {
    expect(page).toMatch(new RegExp(`^\\| \`${field}\`.* \\| ${limit} \\|$`, 'm'));
  }
  expect(page).toContain(`| \`imagePullSecrets\` of its ServiceAccount | ${MAX_OF_ACCOUNT} |`);
});

test('every limit is tried here', () => {
  expect(Object.keys(beyond)).toEqual(limits.map(({ field }) => field));
});

describe.each(Object.entries(beyond))('a pod with 20,000 %s', (field, object) => {
  const sentence = `it has ${many} ${field}, and tagpin takes at most`;

  test('is refused in enforce, before anything is asked, with one line of log', async () => {
    const { response } = await webhook.review('enforce', podReview(object));
    expect(response).toMatchObject({
      allowed: false,
      status: { message: expect.stringContaining(sentence) },
    });
    expect(webhook.api.requests.entries).toEqual([]);
    expect(webhook.log.filter(({ msg }) => msg === 'not pinned')).toHaveLength(1);
  });

  test.each(['best-effort', 'audit'])(
    'is admitted with a warning in %s, before anything is asked',
    async (mode) => {
      const { response } = await webhook.review(mode, podReview(object));
      expect(response).toMatchObject({ allowed: true, warnings: [expect.stringContaining(sentence)] });
      expect(response.patch).toBeUndefined();
      expect(webhook.api.requests.entries).toEqual([]);
    },
  );
});

test('20,000 invalid images are counted and not parsed', async () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const cpuOf = async (image: string) => {
    const review = podReview(pod({ containers: names.map((name) => ({ name, image })) }));
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      const before = process.threadCpuUsage();
      await webhook.review('enforce', review);
      const { user, system } = process.threadCpuUsage(before);
      times.push(user + system);
    }
    return Math.min(...times);
  };
  const valid = await cpuOf(`registry.invalid/app@${digest}`);
  expect(await cpuOf('not a reference!')).toBeLessThan(1.5 * valid);
});
