import { describe, expect, test } from 'vitest';
import { RegistryError, type RegistryErrorDetails } from '../../src/registry/error.ts';
import type { RegistryFailure } from '../../src/registry/failures.ts';
import { FAILURES_TO_OPEN } from '../../src/resolve/circuit.ts';
import { InFlightResolve } from '../../src/resolve/in-flight-resolve.ts';
import { RegistryLimiters, type RegistryLimitersObserver } from '../../src/resolve/registry-limiter.ts';
import { SLOW_MS } from '../../src/resolve/slots.ts';
import { ManualClock } from '../support/manual-clock.ts';

const never = new AbortController().signal;
const asker = { registry: 'registry.example.com', account: '', repository: 'app' };
const dockerHub = 'registry-1.docker.io';
const error = (failure: RegistryFailure, details: RegistryErrorDetails = {}) =>
  new RegistryError(failure, `it is ${failure}`, details);
const tooMany = (retryAfter?: number) =>
  error('rate_limited', { status: 429, ...(retryAfter === undefined ? {} : { retryAfter }) });

/** Lets everything happen that time isn't needed for. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

function start(options = { concurrency: 2, queue: 10 }) {
  const clock = new ManualClock();
  const seen: string[] = [];
  const observer: RegistryLimitersObserver = {
    inFlight: () => undefined,
    waiting: () => undefined,
    broken: (registry, isOpen) => seen.push(`${registry} ${isOpen ? 'open' : 'closed'}`),
    retried: (_registry, reason) => seen.push(`retried ${reason}`),
    notAsked: (_registry, reason) => seen.push(`not asked ${reason}`),
  };
  const limits = new RegistryLimiters(options, { clock, random: () => 0.5, observer });
  let asked = 0;
  /** Asks; the answers come one after the other, and the last for ever. */
  const ask = (answers: readonly (RegistryError | string)[], whose: Partial<typeof asker> = {}) => {
    const attempt = new InFlightResolve(never, never);
    const outcome = limits.ask({ ...asker, ...whose }, attempt, async () => {
      asked++;
      const answer = answers[Math.min(asked, answers.length) - 1];
      if (answer instanceof RegistryError) throw answer;
      return answer;
    });
    outcome.catch(() => undefined);
    return { attempt, outcome };
  };
  const pass = async (milliseconds: number) => {
    for (let passed = 0; passed < milliseconds; passed += 50) {
      await settled();
      clock.advance(50);
    }
    await settled();
  };
  return { clock, limits, seen, ask, pass, asked: () => asked };
}

describe('a transient failure is retried', () => {
  test.each([
    ['429', tooMany()],
    ['5xx', error('unavailable', { status: 503 })],
    ['no connection', error('network')],
  ])('after %s', async (_name, failure) => {
    const { ask, pass, asked, seen } = start();
    const { outcome } = ask([failure, failure, 'digest']);
    await pass(3_000);
    await expect(outcome).resolves.toBe('digest');
    expect([asked(), seen]).toEqual([3, [`retried ${failure.failure}`, `retried ${failure.failure}`]]);
  });

  test('up to three attempts, with growing pauses', async () => {
    const { ask, pass, asked } = start();
    const { outcome } = ask([error('network')]);
    await pass(150);
    expect(asked()).toBe(1);
    await pass(100);
    expect(asked()).toBe(2);
    await pass(500);
    expect(asked()).toBe(2);
    await pass(100);
    expect(asked()).toBe(3);
    await expect(outcome).rejects.toMatchObject({ failure: 'network' });
  });

  test.each<[string, RegistryError]>([
    ['a timeout', error('timeout')],
    ['an absent tag', error('not_found', { status: 404 })],
    ['a refusal', error('unauthorized', { status: 401 })],
    [
      'a name that does not exist',
      error('network', { cause: Object.assign(new Error(), { code: 'ENOTFOUND' }) }),
    ],
  ])('but not after %s', async (_name, failure) => {
    const { ask, asked } = start();
    await expect(ask([failure]).outcome).rejects.toBe(failure);
    expect(asked()).toBe(1);
  });

  test('until the resolve is abandoned', async () => {
    const { limits, clock } = start();
    const wanted = new AbortController();
    let asked = 0;
    const outcome = limits.ask(asker, new InFlightResolve(never, wanted.signal), async () => {
      asked++;
      throw error('network');
    });
    await settled();
    wanted.abort(new Error('nobody'));
    await expect(outcome).rejects.toThrow('nobody');
    expect([asked, clock.running]).toEqual([1, 0]);
  });

  test('while the cause is known', async () => {
    const { ask, pass } = start();
    const { attempt } = ask([tooMany(2), 'digest']);
    await settled();
    expect(attempt.obstacle).toMatchObject({ failure: 'rate_limited' });
    await pass(2_500);
  });
});

describe('Retry-After', () => {
  test('is waited for', async () => {
    const { ask, pass, asked } = start();
    const { outcome } = ask([tooMany(3), 'digest']);
    await pass(2_900);
    expect(asked()).toBe(1);
    await pass(200);
    await expect(outcome).resolves.toBe('digest');
  });

  test('beyond every deadline fails at once, and says how long', async () => {
    const { ask, asked } = start();
    await expect(ask([tooMany(60)]).outcome).rejects.toMatchObject({
      failure: 'rate_limited',
      retryAfter: 60,
    });
    expect(asked()).toBe(1);
  });

  test('of 503 counts too', async () => {
    const { ask, asked } = start();
    const { outcome } = ask([error('unavailable', { status: 503, retryAfter: 60 })]);
    await expect(outcome).rejects.toMatchObject({ failure: 'unavailable' });
    expect(asked()).toBe(1);
  });

  test('keeps others from asking for the repository until it is over', async () => {
    const { ask, pass, asked, seen } = start();
    await expect(ask([tooMany(30), 'digest']).outcome).rejects.toThrow();
    await pass(10_000);
    const other = ask(['digest']);
    await expect(other.outcome).rejects.toMatchObject({ failure: 'rate_limited', retryAfter: 20 });
    expect([asked(), seen]).toEqual([1, ['not asked rate_limited']]);
    await pass(20_000);
    await expect(ask(['digest']).outcome).resolves.toBe('digest');
  });

  test('of Docker Hub concerns all repositories, because Docker Hub counts by account', async () => {
    const { ask } = start();
    await expect(ask([tooMany(30), 'digest'], { registry: dockerHub }).outcome).rejects.toThrow();
    const other = ask(['digest'], { registry: dockerHub, repository: 'other' });
    await expect(other.outcome).rejects.toMatchObject({ failure: 'rate_limited' });
  });

  test('elsewhere concerns no other repository: it may be a proxied upstream’s', async () => {
    const { ask } = start();
    await expect(ask([tooMany(30), 'digest'], { repository: 'hub-proxy/a' }).outcome).rejects.toThrow();
    await expect(ask(['digest'], { repository: 'team/app' }).outcome).resolves.toBe('digest');
  });

  test('makes others wait when it is short', async () => {
    const { ask, pass, asked } = start();
    ask([tooMany(2), 'digest']);
    await settled();
    const other = ask(['digest']);
    await pass(1_900);
    expect(asked()).toBe(1);
    await pass(500);
    await expect(other.outcome).resolves.toBe('digest');
  });

  test('concerns the account whose limit it is', async () => {
    const { ask } = start();
    await expect(ask([tooMany(60), 'digest']).outcome).rejects.toThrow();
    await expect(ask(['digest'], { account: 'paid' }).outcome).resolves.toBe('digest');
  });

  test('of hours counts for a minute at most, but is reported in full', async () => {
    const { ask, pass } = start();
    await expect(ask([tooMany(7_200), 'digest']).outcome).rejects.toMatchObject({ retryAfter: 7_200 });
    await pass(30_000);
    await expect(ask(['digest']).outcome).rejects.toMatchObject({ retryAfter: 7_170 });
    await pass(31_000);
    await expect(ask(['digest']).outcome).resolves.toBe('digest');
  });
});

describe('a namespace whose images name many registries', () => {
  /** Asks one registry after the other for the namespace; none of them answers. */
  async function crowd(limits: RegistryLimiters, count: number) {
    let asked = 0;
    for (const number of Array(count).keys()) {
      const attempt = new InFlightResolve(never, never, 'crowd');
      const hang = () => {
        asked++;
        return new Promise<never>(() => undefined);
      };
      void limits.ask({ ...asker, registry: `registry-${number}.example.com` }, attempt, hang);
    }
    await settled();
    return () => asked;
  }

  test('has as many under way as with two registries', async () => {
    const { limits } = start({ concurrency: 16, queue: 500 });
    expect((await crowd(limits, 100))()).toBe(24);
  });

  test('delays no other namespace', async () => {
    const { limits } = start({ concurrency: 16, queue: 500 });
    await crowd(limits, 100);
    const other = new InFlightResolve(never, never, 'other');
    await expect(limits.ask(asker, other, async () => 'digest')).resolves.toBe('digest');
  });

  test('has the next requests when those are slow', async () => {
    const { limits, clock } = start({ concurrency: 16, queue: 500 });
    const asked = await crowd(limits, 100);
    clock.advance(SLOW_MS);
    await settled();
    expect(asked()).toBe(48);
  });
});

describe('a registry that is down', () => {
  async function down() {
    const at = start();
    for (let count = 0; count < FAILURES_TO_OPEN; count++) {
      await expect(at.ask([error('timeout')]).outcome).rejects.toThrow();
    }
    return at;
  }

  test('is not asked', async () => {
    const { ask, asked, seen } = await down();
    await expect(ask(['digest']).outcome).rejects.toMatchObject({ failure: 'timeout' });
    expect(asked()).toBe(FAILURES_TO_OPEN);
    expect(seen).toEqual(['registry.example.com open', 'not asked broken']);
  });

  test("doesn't affect other registries", async () => {
    const { ask } = await down();
    await expect(ask(['digest'], { registry: 'other.example.com' }).outcome).resolves.toBe('digest');
  });

  test('is asked again within 5 s, first by one resolve, then by all', async () => {
    const { ask, pass, seen } = await down();
    await pass(5_000);
    await expect(ask(['digest']).outcome).resolves.toBe('digest');
    await expect(ask(['digest']).outcome).resolves.toBe('digest');
    expect(seen.at(-1)).toBe('registry.example.com closed');
  });

  test('rejects the resolves that wait for it', async () => {
    const { limits } = start({ concurrency: 1, queue: 10 });
    const refuse: ((error: Error) => void)[] = [];
    const hang = () => new Promise<string>((_, reject) => refuse.push(reject));
    const at = (account: string) =>
      limits.ask({ ...asker, account }, new InFlightResolve(never, never), hang);
    const first = Array.from({ length: FAILURES_TO_OPEN - 1 }, () => at(''));
    for (const one of first) {
      await settled();
      refuse.at(-1)?.(error('timeout'));
      await expect(one).rejects.toThrow();
    }
    const last = at('');
    const waiting = [at(''), at('b')];
    await settled();
    refuse.at(-1)?.(error('timeout'));
    await expect(last).rejects.toThrow();
    for (const one of waiting) await expect(one).rejects.toMatchObject({ failure: 'timeout' });
    expect(refuse).toHaveLength(FAILURES_TO_OPEN);
  });

  test('does not need a slot to be found well', async () => {
    const { limits, clock } = start({ concurrency: 1, queue: 10 });
    for (let count = 0; count < FAILURES_TO_OPEN; count++) {
      const failed = limits.ask(asker, new InFlightResolve(never, never), () =>
        Promise.reject(error('timeout')),
      );
      await expect(failed).rejects.toThrow();
    }
    clock.advance(1_000);
    void limits.ask(asker, new InFlightResolve(never, never), () => new Promise(() => undefined));
    await settled();
    clock.advance(1_500);
    const trial = limits.ask(asker, new InFlightResolve(never, never), async () => 'digest');
    await expect(trial).resolves.toBe('digest');
  });
});

test('an evicted registry is no longer reported as down', async () => {
  const { ask, seen } = start();
  for (let count = 0; count < FAILURES_TO_OPEN; count++) {
    await expect(ask([error('timeout')]).outcome).rejects.toThrow();
  }
  for (let count = 0; count < 1_000; count++) {
    await ask([error('timeout')], { registry: `r${count}.example.com` }).outcome.catch(() => undefined);
  }
  expect(seen).toEqual(['registry.example.com open', 'registry.example.com closed']);
});

test('a resolve that waits too long for a slot says so', async () => {
  const { limits } = start({ concurrency: 1, queue: 10 });
  void limits.ask(asker, new InFlightResolve(never, never), () => new Promise(() => undefined));
  const attempt = new InFlightResolve(never, never);
  void limits.ask(asker, attempt, async () => 'digest');
  await settled();
  expect(attempt.obstacle).toMatchObject({ failure: 'busy' });
});

test("resolves beyond the queue's length fail at once", async () => {
  const { limits, seen } = start({ concurrency: 1, queue: 0 });
  void limits.ask(asker, new InFlightResolve(never, never), () => new Promise(() => undefined));
  const second = limits.ask(asker, new InFlightResolve(never, never), async () => 'digest');
  await expect(second).rejects.toMatchObject({ failure: 'busy' });
  expect(seen).toEqual(['not asked busy']);
});
