import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { parseReference } from '../../src/image/reference.ts';
import { RegistryLimiters } from '../../src/resolve/registry-limiter.ts';
import { Resolver, type ResolverOptions } from '../../src/resolve/resolver.ts';
import { clientFor, patient, user } from '../registry/clients.ts';
import { image } from '../support/registry/image.ts';
import { type RegistryOptions, startRegistry } from '../support/registry/registry.ts';

const users = [
  { name: 'ada', password: 'correct-horse', pull: ['team/*'] },
  { name: 'eve', password: 'correct-horse', pull: ['other/*'] },
];

async function start(options: RegistryOptions = {}, cache: ResolverOptions = { entries: 100, age: 60_000 }) {
  const registry = await startRegistry(options);
  const first = registry.push('team/app', '1', image());
  const resolver = new Resolver(clientFor(registry.host), cache);
  const reference = parseReference(`${registry.host}/team/app:1`);
  return { registry, resolver, reference, first, [Symbol.asyncDispose]: () => registry.close() };
}

const nothing = () => undefined;
const silence = { inFlight: nothing, waiting: nothing, broken: nothing, retried: nothing, notAsked: nothing };

describe('the cache', () => {
  test('answers what was asked a moment ago', async () => {
    await using at = await start();
    await at.resolver.resolve(at.reference, [], patient());
    at.registry.push('team/app', '1', image());
    expect(await at.resolver.resolve(at.reference, [], patient())).toEqual({
      digest: at.first,
      source: 'cache',
    });
  });

  test('asks again after its age', async () => {
    await using at = await start({}, { entries: 100, age: 20 });
    await at.resolver.resolve(at.reference, [], patient());
    const moved = at.registry.push('team/app', '1', image());
    await delay(40);
    expect(await at.resolver.resolve(at.reference, [], patient())).toMatchObject({
      digest: moved,
      source: 'registry',
    });
  });

  test('is not used for a fresh resolve, which joins a request under way', async () => {
    await using at = await start();
    await at.resolver.resolve(at.reference, [], patient());
    const moved = at.registry.push('team/app', '1', image());
    at.registry.requests.clear();
    const asked = [1, 2, 3].map(() => at.resolver.resolve(at.reference, [], patient(), { maxAge: 0 }));
    for (const { digest } of await Promise.all(asked)) expect(digest).toBe(moved);
    expect(at.registry.requests.manifests()).toHaveLength(1);
  });

  test('is used for a resolve that accepts a recent digest', async () => {
    await using at = await start();
    await at.resolver.resolve(at.reference, [], patient());
    const { source } = await at.resolver.resolve(at.reference, [], patient(), { maxAge: 2_000 });
    expect(source).toBe('cache');
  });

  test('is used even for a fresh resolve, if the registry is down', async () => {
    await using at = await start();
    await at.resolver.resolve(at.reference, [], patient());
    await at.registry.close();
    const now = await at.resolver.resolve(at.reference, [], patient(), { maxAge: 0 });
    expect(now).toMatchObject({ digest: at.first, source: 'stale' });
  });

  test('does not use a cached failure for a fresh resolve', async () => {
    await using at = await start({}, { entries: 100, age: 60_000, negativeAge: 60_000 });
    const later = parseReference(`${at.registry.host}/team/app:later`);
    await expect(at.resolver.resolve(later, [], patient())).rejects.toThrow();
    const pushed = at.registry.push('team/app', 'later', image());
    expect((await at.resolver.resolve(later, [], patient(), { maxAge: 0 })).digest).toBe(pushed);
  });

  test('gives nothing to credentials that have not proven access', async () => {
    await using at = await start({ auth: { scheme: 'bearer' }, users });
    await at.resolver.resolve(at.reference, [user('ada')], patient());
    for (const credentials of [[], [user('eve')], [user('ada', 'wrong')]]) {
      await expect(at.resolver.resolve(at.reference, credentials, patient())).rejects.toMatchObject({
        failure: 'unauthorized',
      });
    }
  });

  test('holds no more than it may', async () => {
    await using at = await start({}, { entries: 1, age: 60_000 });
    at.registry.push('team/app', '2', image());
    const other = parseReference(`${at.registry.host}/team/app:2`);
    for (const reference of [at.reference, other, at.reference])
      await at.resolver.resolve(reference, [], patient());
    expect(at.registry.requests.manifests()).toHaveLength(3);
  });

  test('keeps no failure', async () => {
    await using at = await start();
    const absent = parseReference(`${at.registry.host}/team/app:2`);
    await expect(at.resolver.resolve(absent, [], patient())).rejects.toMatchObject({ failure: 'not_found' });
    const pushed = at.registry.push('team/app', '2', image());
    expect((await at.resolver.resolve(absent, [], patient())).digest).toBe(pushed);
  });
});

test('a hundred resolves at once cost one request', async () => {
  await using at = await start();
  const all = Array.from({ length: 100 }, () => at.resolver.resolve(at.reference, [], patient()));
  expect(new Set((await Promise.all(all)).map(({ digest }) => digest))).toEqual(new Set([at.first]));
  expect(at.registry.requests.entries).toHaveLength(1);
});

test("one joiner's deadline never aborts another's request", async () => {
  await using at = await start();
  at.registry.fault = { delayMs: 150 };
  const hasty = at.resolver.resolve(at.reference, [], AbortSignal.timeout(20));
  const other = at.resolver.resolve(at.reference, [], patient());
  await expect(hasty).rejects.toMatchObject({ name: 'TimeoutError' });
  expect((await other).digest).toBe(at.first);
});

test('a host longer than any name is refused before anything keeps it', async () => {
  const asked: string[] = [];
  const limits = new RegistryLimiters(undefined, {
    observer: { ...silence, inFlight: (host) => asked.push(host) },
  });
  const resolver = new Resolver(clientFor(), { entries: 1, age: 1 }, { limits });
  const reference = parseReference(`${'a.'.repeat(200)}example/app:1`);
  await expect(resolver.resolve(reference, [], patient())).rejects.toMatchObject({ failure: 'invalid_host' });
  expect(asked).toEqual([]);
});

describe('credentials', () => {
  test('are tried in order until one may', async () => {
    await using at = await start({ auth: { scheme: 'basic' }, users });
    const credentials = [user('nobody'), user('eve'), user('ada')];
    expect((await at.resolver.resolve(at.reference, credentials, patient())).digest).toBe(at.first);
  });

  test.each([
    ['gets a login page', { status: 200, headers: { 'Content-Type': 'text/html' }, body: '<html>' }],
    ['is sent to where tagpin does not go', { status: 302, headers: { Location: 'http://10.0.0.1/login' } }],
    ['upsets the registry', { status: 500 }],
  ])('are all tried, as by the kubelet, where one %s', async (_, outcome) => {
    await using at = await start({ auth: { scheme: 'basic' }, users });
    const poisoned = `Basic ${Buffer.from('eve:correct-horse').toString('base64')}`;
    at.registry.fault = ({ headers }) => (headers.authorization === poisoned ? { outcome } : undefined);
    const found = at.resolver.resolve(at.reference, [user('eve'), user('ada')], patient());
    expect((await found).digest).toBe(at.first);
  });

  test('once there are any, nothing is tried anonymously', async () => {
    await using at = await start({ auth: { scheme: 'bearer' }, users, public: ['team/*'] });
    await expect(at.resolver.resolve(at.reference, [user('nobody')], patient())).rejects.toMatchObject({
      failure: 'unauthorized',
    });
  });

  test('that were accepted and found nothing determine the error, rather than refused ones', async () => {
    await using at = await start({ auth: { scheme: 'basic' }, users });
    const absent = parseReference(`${at.registry.host}/team/app:absent`);
    const asked = at.resolver.resolve(absent, [user('ada'), user('nobody')], patient());
    await expect(asked).rejects.toMatchObject({ failure: 'not_found' });
  });

  test('are not all tried on a registry that cannot be reached', async () => {
    await using at = await start({ auth: { scheme: 'basic' }, users });
    at.registry.fault = { outcome: 'reset' };
    const asked = at.resolver.resolve(at.reference, [user('a'), user('b'), user('c')], patient());
    await expect(asked).rejects.toMatchObject({ failure: 'network' });
    // Three attempts, each with one repetition after a cut connection, all with the first credential.
    expect(at.registry.requests.entries).toHaveLength(6);
  });
});
