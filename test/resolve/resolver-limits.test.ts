import { describe, expect, test } from 'vitest';
import { parseReference } from '../../src/image/reference.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import { Endpoints } from '../../src/registry/endpoint.ts';
import { RegistryLimiters } from '../../src/resolve/registry-limiter.ts';
import { Resolver, type ResolverOptions } from '../../src/resolve/resolver.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { patient, user } from '../registry/clients.ts';
import { type Fault, jsonReply } from '../support/answering.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { image } from '../support/registry/image.ts';
import { type RegistryOptions, startRegistry } from '../support/registry/registry.ts';

const users = [
  { name: 'ada', password: 'correct-horse', pull: ['team/*'] },
  { name: 'eve', password: 'correct-horse', pull: ['other/*'] },
];
const cache = { entries: 100, age: 60_000, negativeAge: 5_000, staleAge: 0 };

const fails = (status: number, headers: Record<string, string> = {}): Fault => ({
  outcome: jsonReply(status, { errors: [] }, headers),
});

/** A resolver whose cache and limits go by a clock that is moved by hand, before a real registry. */
async function start(
  options: { registry?: RegistryOptions; cache?: Partial<ResolverOptions>; concurrency?: number } = {},
) {
  const registry = await startRegistry(options.registry);
  const first = registry.push('team/app', '1', image());
  const clock = new ManualClock();
  const metrics = new Metrics();
  const endpoints = new Endpoints();
  const client = new RegistryClient(endpoints, (event) => metrics.registryRequest(event));
  const limits = new RegistryLimiters(
    { concurrency: options.concurrency ?? 16, queue: 500 },
    { clock, random: () => 0.5, observer: metrics.resolves },
  );
  const resolver = new Resolver(
    client,
    { ...cache, ...options.cache },
    { clock, limits, observe: (outcome) => metrics.resolves.resolved(outcome) },
  );
  const resolve = (
    tag = '1',
    credentials = [user('ada')].slice(0, options.registry?.auth ? 1 : 0),
    signal = patient(),
  ) => resolver.resolve(parseReference(`${registry.host}/team/app:${tag}`), credentials, signal);
  /** Waits until `done`, moving the clock meanwhile. */
  const passUntil = async (done: () => boolean, step = 50) => {
    for (let turns = 0; !done(); turns++) {
      if (turns > 2_000) throw new Error('it never came');
      await new Promise((resolve) => setTimeout(resolve, 1));
      clock.advance(step);
    }
  };
  /** What comes of it when time passes. */
  const eventually = async <T>(outcome: Promise<T>): Promise<T> => {
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    outcome.then(end, end);
    await passUntil(() => isOver);
    return outcome;
  };
  const sample = async (name: string) =>
    (await metrics.text())
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.split(' ')
      .at(-1);
  const close = async () => {
    await endpoints.close();
    await registry.close();
  };
  return { registry, clock, resolve, eventually, passUntil, sample, first, [Symbol.asyncDispose]: close };
}

const asked = ({ registry }: { registry: { requests: { entries: readonly unknown[] } } }) =>
  registry.requests.entries.length;

describe('a registry that limits its rate', () => {
  test('is asked again when its Retry-After is over, by one for all', async () => {
    await using at = await start();
    at.registry.fault = () => (asked(at) < 2 ? fails(429, { 'Retry-After': '2' }) : undefined);
    const all = Array.from({ length: 20 }, () => at.resolve());
    await at.passUntil(() => asked(at) === 1);
    const before = at.clock.elapsed();
    const digests = await at.eventually(Promise.all(all));
    expect(new Set(digests.map(({ digest }) => digest))).toEqual(new Set([at.first]));
    expect(asked(at)).toBe(2);
    expect(at.clock.elapsed() - before).toBeGreaterThanOrEqual(1_900);
    expect(await at.sample('tagpin_registry_retries_total')).toBe('1');
  });

  test('is not asked before, and says for how long', async () => {
    await using at = await start();
    at.registry.fault = fails(429, { 'Retry-After': '40' });
    await expect(at.resolve()).rejects.toMatchObject({ failure: 'rate_limited', retryAfter: 40 });
    at.registry.fault = undefined;
    at.clock.advance(10_000);
    await expect(at.resolve('2')).rejects.toMatchObject({ failure: 'rate_limited', retryAfter: 30 });
    expect(asked(at)).toBe(1);
    at.clock.advance(30_000);
    expect((await at.resolve()).digest).toBe(at.first);
  });

  test('may say it by a date', async () => {
    await using at = await start();
    at.registry.fault = fails(429, { 'Retry-After': new Date(Date.now() + 60_000).toUTCString() });
    const error = await at.resolve().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ failure: 'rate_limited' });
    expect(error).toHaveProperty(
      'retryAfter',
      expect.toSatisfy((left: number) => left > 55 && left <= 60),
    );
  });

  test('is named as the cause on a timeout', async () => {
    await using at = await start();
    at.registry.fault = fails(429, { 'Retry-After': '4' });
    const hasty = at.resolve('1', [], AbortSignal.timeout(150));
    await expect(hasty).rejects.toMatchObject({ failure: 'rate_limited' });
  });
});

describe('a registry that fails', () => {
  test('for a moment is asked again', async () => {
    await using at = await start();
    at.registry.fault = () => (asked(at) < 3 ? fails(503) : undefined);
    expect((await at.eventually(at.resolve())).digest).toBe(at.first);
    expect(asked(at)).toBe(3);
  });

  test('again and again is left alone, until it is well', async () => {
    await using at = await start();
    at.registry.fault = { outcome: 'reset' };
    await expect(at.eventually(at.resolve('1'))).rejects.toMatchObject({ failure: 'network' });
    await expect(at.eventually(at.resolve('2'))).rejects.toMatchObject({ failure: 'network' });
    const before = asked(at);
    const error = await at.resolve('3').catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      failure: 'network',
      unsent: { note: expect.stringContaining("isn't asked again") },
    });
    expect(asked(at)).toBe(before);
    expect(await at.sample('tagpin_registry_breaker_open')).toBe('1');

    at.registry.fault = undefined;
    at.clock.advance(5_000);
    expect((await at.resolve('1')).digest).toBe(at.first);
    expect(await at.sample('tagpin_registry_breaker_open')).toBe('0');
  });

  test("doesn't slow down other registries", async () => {
    await using bad = await start({ concurrency: 2 });
    await using good = await startRegistry();
    const digest = good.push('team/app', '1', image());
    bad.registry.fault = { outcome: 'hang' };
    const client = new RegistryClient(new Endpoints());
    const resolver = new Resolver(client, cache, {
      limits: new RegistryLimiters({ concurrency: 2, queue: 10 }),
    });
    const signal = AbortSignal.timeout(2_000);
    const hung = Array.from({ length: 10 }, (_, tag) =>
      resolver
        .resolve(parseReference(`${bad.registry.host}/team/app:${tag}`), [], signal)
        .catch(() => undefined),
    );
    const started = performance.now();
    for (let tag = 0; tag < 5; tag++) good.push('team/app', `${tag}`, image());
    const reference = parseReference(`${good.host}/team/app:1`);
    expect((await resolver.resolve(reference, [], patient())).digest).not.toBe(digest);
    expect(performance.now() - started).toBeLessThan(1_000);
    await Promise.all(hung);
  });
});

describe('no more than so many', () => {
  test('are with a registry at once', async () => {
    await using at = await start({ concurrency: 3 });
    at.registry.fault = { delayMs: 40 };
    let most = 0;
    const tags = Array.from({ length: 20 }, (_, tag) => `t${tag}`);
    for (const tag of tags) at.registry.push('team/app', tag, image());
    const all = tags.map((tag) => at.resolve(tag));
    const watch = setInterval(() => {
      most = Math.max(
        most,
        at.registry.requests.count(({ status }) => status === undefined),
      );
    }, 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await at.sample('tagpin_registry_waiting')).toBe('17');
    await Promise.all(all);
    clearInterval(watch);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
    expect(await at.sample('tagpin_registry_in_flight')).toBe('0');
  });

  test('and a resolve that gives up while waiting is never sent', async () => {
    await using at = await start({ concurrency: 1 });
    at.registry.fault = { delayMs: 150 };
    const first = at.resolve('1');
    const hasty = at.resolve('2', [], AbortSignal.timeout(30));
    await expect(hasty).rejects.toMatchObject({ failure: 'busy' });
    await first;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked(at)).toBe(1);
  });
});

describe("a registry's no", () => {
  test('is remembered for a few seconds, and then asked for again', async () => {
    await using at = await start();
    for (let count = 0; count < 3; count++) {
      await expect(at.resolve('absent')).rejects.toMatchObject({ failure: 'not_found' });
    }
    const once = asked(at);
    expect(await at.sample('tagpin_resolves_total{outcome="remembered_failure"}')).toBe('2');
    const pushed = at.registry.push('team/app', 'absent', image());
    at.clock.advance(6_500);
    expect((await at.resolve('absent')).digest).toBe(pushed);
    expect(asked(at)).toBe(once + 1);
  });

  test('is for those credentials alone', async () => {
    await using at = await start({ registry: { auth: { scheme: 'bearer' }, users } });
    await expect(at.resolve('1', [user('eve')])).rejects.toMatchObject({ failure: 'unauthorized' });
    expect((await at.resolve('1', [user('ada')])).digest).toBe(at.first);
    await expect(at.resolve('1', [user('eve')])).rejects.toMatchObject({ failure: 'unauthorized' });
  });
});

describe('a stale answer', () => {
  const allowed = { staleAge: 3_600_000 };

  test.each<[string, Fault]>([
    ['down', { outcome: 'reset' }],
    ['in trouble', fails(500)],
    ['at its limit', fails(429, { 'Retry-After': '60' })],
    ['silent', { outcome: 'hang' }],
  ])('stands in for a registry that is %s', async (_how, fault) => {
    await using at = await start({ cache: allowed });
    await at.resolve();
    at.clock.advance(120_000);
    at.registry.fault = fault;
    const resolution = await at.eventually(at.resolve());
    expect(resolution).toMatchObject({ digest: at.first, source: 'stale' });
    expect(await at.sample('tagpin_resolves_total{outcome="stale"}')).toBe('1');
  });

  test.each([
    ['by default', {}, 120_000],
    ['when it is too old', allowed, 3_700_000],
  ])('is not given %s', async (_when, settings, passed) => {
    await using at = await start({ cache: settings });
    await at.resolve();
    at.clock.advance(passed);
    at.registry.fault = { outcome: 'reset' };
    await expect(at.eventually(at.resolve())).rejects.toMatchObject({ failure: 'network' });
  });

  test('is not given where the registry says no', async () => {
    await using at = await start({ cache: allowed });
    await at.resolve();
    at.clock.advance(120_000);
    at.registry.delete('team/app', '1');
    await expect(at.resolve()).rejects.toMatchObject({ failure: 'not_found' });
    at.registry.fault = { outcome: 'reset' };
    at.clock.advance(10_000);
    await expect(at.eventually(at.resolve())).rejects.toMatchObject({ failure: 'network' });
  });

  test('is not given to other credentials', async () => {
    await using at = await start({ cache: allowed, registry: { auth: { scheme: 'bearer' }, users } });
    await at.resolve('1', [user('ada')]);
    at.clock.advance(120_000);
    at.registry.fault = { outcome: 'reset' };
    await expect(at.eventually(at.resolve('1', [user('eve')]))).rejects.toMatchObject({ failure: 'network' });
  });
});

describe('requests of a resolve', () => {
  test('are three by Bearer when nothing is known yet, and one when there is a token', async () => {
    await using at = await start({ registry: { auth: { scheme: 'bearer' }, users } });
    const manifest = 'HEAD /v2/team/app/manifests/1';
    const log = () => at.registry.requests.entries.map(({ method, path }) => `${method} ${path}`);
    await at.resolve();
    expect(log()).toEqual([manifest, 'GET /token', manifest]);
    at.registry.requests.clear();
    at.clock.advance(60_000);
    await at.resolve();
    expect(log()).toEqual([manifest]);
    at.registry.requests.clear();
    await at.resolve();
    expect(log()).toEqual([]);
  });
});
