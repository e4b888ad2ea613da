import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Cacheable, noIdentity, TokenCache, token } from '../../../src/credentials/cloud/token-cache.ts';
import { patient } from '../../registry/clients.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const HOUR_MS = 60 * 60_000;

/** An issuer of numbered tokens, and what it has been asked. */
class Issuer {
  asked = 0;
  failing = false;
  lifetime = HOUR_MS;
  /** Resolves when the answer may be given. */
  gate: Promise<unknown> = Promise.resolve();

  readonly obtain = async (): Promise<Cacheable<string>> => {
    const number = ++this.asked;
    await this.gate;
    if (this.failing) throw new Error(`refused ${number}`);
    return token(`token ${number}`, this.lifetime, 12 * HOUR_MS);
  };
}

let clock: ManualClock;
let issuer: Issuer;
let tokens: TokenCache<string>;
beforeEach(() => {
  clock = new ManualClock();
  issuer = new Issuer();
  tokens = new TokenCache(clock);
});

const get = (signal = patient()) => tokens.get('key', signal, issuer.obtain);
/** So that what goes on in the background can end. */
const settle = () => delay(5);

describe('a token', () => {
  test('is asked for once for a hundred at the same time', async () => {
    const all = await Promise.all(Array.from({ length: 100 }, () => get()));
    expect(new Set(all)).toEqual(new Set(['token 1']));
    expect(issuer.asked).toBe(1);
  });

  test('is used for half of its life without a request', async () => {
    await get();
    clock.advanceMinutes(29);
    expect(await get()).toBe('token 1');
    expect(issuer.asked).toBe(1);
  });

  test('is renewed after half of its life, while the old one goes on serving', async () => {
    await get();
    clock.advanceMinutes(31);
    let open = () => {};
    issuer.gate = new Promise<void>((resolve) => (open = resolve));
    expect(await Promise.all([get(), get(), get()])).toEqual(['token 1', 'token 1', 'token 1']);
    expect(issuer.asked).toBe(2);
    open();
    await settle();
    expect(await get()).toBe('token 2');
    expect(issuer.asked).toBe(2);
  });

  test('goes on serving while its renewal fails, again and again', async () => {
    await get();
    issuer.failing = true;
    for (let minute = 31; minute < 59; minute++) {
      clock.advanceMinutes(minute === 31 ? 31 : 1);
      for (let use = 0; use < 100; use++) expect(await get()).toBe('token 1');
      await settle();
    }
    expect(issuer.asked).toBe(1 + 28);
    issuer.failing = false;
    clock.advanceMinutes(0.5);
    await get();
    await settle();
    expect(await get()).toBe(`token ${issuer.asked}`);
  });

  test("isn't used after its expiry, even if there is no other", async () => {
    await get();
    issuer.failing = true;
    clock.advanceMinutes(60);
    await expect(get()).rejects.toThrow('refused 2');
  });

  test.each([
    ['has expired', -HOUR_MS],
    ['expires at once', 0],
    ['expired in 1970', -55 * 365 * 24 * HOUR_MS],
  ])('that %s, by a clock that is wrong, is used for a minute', async (_, lifetime) => {
    issuer.lifetime = lifetime;
    for (let second = 0; second < 600; second++) {
      await get();
      clock.advanceMinutes(1 / 60);
    }
    await settle();
    expect(issuer.asked).toBeLessThanOrEqual(21);
  });

  test('that seems to live for a century is renewed as the longest ones are', async () => {
    issuer.lifetime = 100 * 365 * 24 * HOUR_MS;
    await get();
    clock.advanceMinutes(6 * 60);
    await get();
    await settle();
    expect(issuer.asked).toBe(2);
  });

  test("that doesn't say how long it lives is renewed after some minutes", async () => {
    issuer.lifetime = Number.NaN;
    await get();
    clock.advanceMinutes(4);
    await get();
    expect(issuer.asked).toBe(1);
    clock.advanceMinutes(1);
    await get();
    expect(issuer.asked).toBe(2);
  });
});

describe('a failure', () => {
  test('is the answer for ten seconds, and then no longer', async () => {
    issuer.failing = true;
    for (let pod = 0; pod < 100; pod++) await expect(get()).rejects.toThrow('refused 1');
    expect(issuer.asked).toBe(1);
    issuer.failing = false;
    clock.advanceMinutes(11 / 60);
    expect(await get()).toBe('token 2');
  });

  test("of one key doesn't concern another", async () => {
    issuer.failing = true;
    await expect(get()).rejects.toThrow();
    issuer.failing = false;
    expect(await tokens.get('other', patient(), issuer.obtain)).toBe('token 2');
  });
});

test("a token isn't given up because its identity can't be found for a moment", async () => {
  await get();
  clock.advanceMinutes(31);
  const vanished = () => tokens.get('key', patient(), async () => noIdentity('nothing'));
  expect(await vanished()).toBe('token 1');
  await settle();
  expect(await vanished()).toBe('token 1');
  clock.advanceMinutes(29);
  expect(await vanished()).toBe('nothing');
});

test('a missing identity is cached at once, and checked again in the background', async () => {
  let asked = 0;
  const obtain = async () => {
    asked++;
    return noIdentity('nothing');
  };
  await tokens.get('key', patient(), obtain);
  clock.advanceMinutes(0.4);
  await tokens.get('key', patient(), obtain);
  expect(asked).toBe(1);
  clock.advanceMinutes(0.4);
  await tokens.get('key', patient(), obtain);
  expect(asked).toBe(2);
});

describe('a caller that gives up', () => {
  test("gets the reason, and doesn't affect the others", async () => {
    let open = () => {};
    issuer.gate = new Promise<void>((resolve) => (open = resolve));
    const gone = new AbortController();
    const given = get(gone.signal);
    const waiting = get();
    gone.abort(new Error('the pod is gone'));
    await expect(given).rejects.toThrow('the pod is gone');
    open();
    expect(await waiting).toBe('token 1');
  });

  test('before the request has begun causes none', async () => {
    await expect(get(AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
    expect(issuer.asked).toBe(0);
  });
});
