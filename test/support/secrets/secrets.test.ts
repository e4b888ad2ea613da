import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { pullSecret, startWebhook } from '../../webhook/webhooks.ts';
import { podReview } from '../admission.ts';
import { tagpin } from '../command-line.ts';
import { startRegistry } from '../registry/registry.ts';
import { keepSecret, readRecord, said } from './record.ts';
import { findLeaks } from './search.ts';

const leaksOf = (secret: string, text: string) =>
  findLeaks({ secrets: [secret], said: [{ by: 'log', text }] }).map((leak) => leak.by);

describe('a secret is found', () => {
  const secret = 'cor"rect/horse+1';

  test.each([
    ['plain', `password is ${secret}.`],
    ['in JSON', JSON.stringify({ password: secret })],
    ['in a URL', `https://r.example/?q=${encodeURIComponent(secret)}&x`],
    ['in base64', Buffer.from(secret).toString('base64')],
    ['in base64 for URLs', Buffer.from(`x${secret}`).toString('base64url')],
    ['as Basic authentication', `Basic ${Buffer.from(`ada:${secret}`).toString('base64')}`],
    [
      'in a docker config in a Secret',
      Buffer.from(JSON.stringify({ a: { u: 'x', p: 'correct-horse' } })).toString('base64'),
    ],
  ])('%s', (how, text) => {
    expect(leaksOf(how.startsWith('in a docker') ? 'correct-horse' : secret, text)).not.toEqual([]);
  });

  test.each(Array.from({ length: 9 }, (_, before) => before))('in base64 after %i other bytes', (before) => {
    const text = Buffer.from(`${'x'.repeat(before)}${secret}${'y'.repeat(before)}`).toString('base64');
    expect(leaksOf(secret, `{"a":"${text}"}`)).not.toEqual([]);
  });
});

test('other text is none', () => {
  expect(leaksOf('correct-horse', 'a correct horse, correct-hors')).toEqual([]);
  expect(leaksOf('correct-horse', randomBytes(30_000).toString('base64'))).toEqual([]);
});

describe('of what the tests do is recorded', () => {
  test('what registries are told to let in, and what the webhook says: its log, its answers, its metrics', async () => {
    const password = `unsaid-${randomBytes(8).toString('hex')}`;
    const users = [{ name: 'ada', password, pull: ['*'] }];
    await using registry = await startRegistry({ auth: { scheme: 'bearer' }, users });
    const image = `${registry.host}/absent:${randomBytes(4).toString('hex')}`;
    const spec = { containers: [{ name: 'web', image }], imagePullSecrets: [{ name: 'login' }] };
    const webhook = await startWebhook();
    webhook.api.put(pullSecret('login', registry.host, 'ada', password));
    await webhook.review('enforce', podReview({ metadata: { name: 'web' }, spec }));
    await webhook[Symbol.asyncDispose]();
    const recorded = readRecord();
    expect(recorded.secrets).toContain(password);
    for (const by of ['log', 'answer', 'metrics']) {
      const about = by === 'metrics' ? registry.host : image;
      expect(
        recorded.said.some((entry) => entry.by === `webhook's ${by}` && entry.text.includes(about)),
      ).toBe(true);
    }
    expect(recorded.secrets.filter((secret) => secret !== password).length).toBeGreaterThan(0);
  });

  test('what the command line prints', async () => {
    await tagpin(['resolve', 'unsaid.invalid/x y']);
    expect(readRecord().said.some(({ by, text }) => by === 'tagpin resolve' && text.includes('x y'))).toBe(
      true,
    );
  });
});

test('a secret too short to be looked for is a mistake', () => {
  expect(() => keepSecret('secret')).toThrow('too short');
});

test('what is said is given back', () => expect(said('this test', 'a line')).toBe('a line'));
