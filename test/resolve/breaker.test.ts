import { describe, expect, test } from 'vitest';
import { RegistryError } from '../../src/registry/error.ts';
import type { RegistryFailure } from '../../src/registry/failures.ts';
import { Breaker } from '../../src/resolve/breaker.ts';
import { FAILURES_TO_OPEN, LONGEST_PAUSE_MS } from '../../src/resolve/circuit.ts';
import { ManualClock } from '../support/manual-clock.ts';

const error = (failure: RegistryFailure, status?: number) =>
  new RegistryError(failure, `it is ${failure}`, status === undefined ? {} : { status });
const refused = error('network');
const subject = (repository = 'app', tenant = 'team', account = '') => ({ account, repository, tenant });
const never = new AbortController().signal;

function start() {
  const clock = new ManualClock();
  const states: boolean[] = [];
  const breaker = new Breaker(
    clock,
    () => 0.5,
    (isOpen) => states.push(isOpen),
  );
  /** A request that fails at once. */
  const fail = (times = 1, why = refused, repository = 'app') => {
    for (let count = 0; count < times; count++) breaker.admit(subject(repository)).ended(why);
  };
  /** Milliseconds until somebody is let in again. */
  const pause = () => {
    for (let waited = 0; waited < 60_000; waited += 10) {
      try {
        return { waited, admitted: breaker.admit(subject()) };
      } catch {
        clock.advance(10);
      }
    }
    throw new Error('it never opens again');
  };
  return { clock, states, breaker, fail, pause };
}

function refusal(breaker: Breaker, whose = subject()): RegistryError {
  try {
    breaker.admit(whose);
  } catch (error) {
    if (error instanceof RegistryError && error.unsent !== undefined) return error;
  }
  throw new Error('it was let in');
}

describe('a breaker opens', () => {
  test('after so many failures in a row, and not before', () => {
    const { breaker, fail, states } = start();
    fail(FAILURES_TO_OPEN - 1);
    expect(breaker.admit(subject()).trial).toBe(false);
    fail();
    expect(refusal(breaker)).toMatchObject({
      failure: 'network',
      unsent: { note: expect.stringContaining('in a row') },
    });
    expect(states).toEqual([true]);
  });

  test.each([error('network'), error('timeout')])('for a host that is silent: $failure', (failure) => {
    const { breaker, fail } = start();
    fail(FAILURES_TO_OPEN, failure);
    expect(refusal(breaker).failure).toBe(failure.failure);
  });

  test('for a repository whose answers are server errors, and for no other repository', () => {
    const { breaker, fail, states } = start();
    for (const repository of ['proxied/a', 'proxied/b', 'proxied/c'])
      fail(FAILURES_TO_OPEN, error('unavailable', 500), repository);
    expect(refusal(breaker, subject('proxied/a')).failure).toBe('unavailable');
    expect(breaker.admit(subject('team/app')).trial).toBe(false);
    expect(states).toEqual([]);
  });

  test('for the account that gets server errors, and for no other account', () => {
    const { breaker } = start();
    for (let count = 0; count < FAILURES_TO_OPEN; count++)
      breaker.admit(subject('app', 'eve', 'broken')).ended(error('unavailable', 500));
    expect(breaker.admit(subject('app', 'ada', 'paid')).trial).toBe(false);
  });

  test('for a repository that hangs while others are answered, and for no other repository', () => {
    const { breaker, fail, states } = start();
    for (let count = 0; count < FAILURES_TO_OPEN; count++) {
      fail(1, error('timeout'), 'hung');
      breaker.admit(subject()).ended();
    }
    expect(breaker.admit(subject()).trial).toBe(false);
    expect(states).toEqual([]);
  });

  test.each<[RegistryFailure, number | undefined]>([
    ['not_found', 404],
    ['unauthorized', 401],
    ['denied', 403],
    ['rate_limited', 429],
    ['untrusted', undefined],
    ['forbidden_address', undefined],
    ['invalid_host', undefined],
  ])('not for %s', (failure, status) => {
    const { breaker, fail } = start();
    fail(2 * FAILURES_TO_OPEN, error(failure, status));
    expect(breaker.admit(subject()).trial).toBe(false);
  });

  test('not where an answer came between', () => {
    const { breaker, fail } = start();
    fail(FAILURES_TO_OPEN - 1);
    breaker.admit(subject()).ended(error('not_found', 404));
    fail(FAILURES_TO_OPEN - 1);
    expect(breaker.admit(subject()).trial).toBe(false);
  });

  test('not for requests that began before the last success', () => {
    const { breaker, clock } = start();
    const old = Array.from({ length: 2 * FAILURES_TO_OPEN }, () => breaker.admit(subject()));
    clock.advance(10);
    breaker.admit(subject()).ended();
    clock.advance(10);
    for (const request of old) request.ended(error('timeout'));
    expect(breaker.admit(subject()).trial).toBe(false);
  });
});

describe('while open', () => {
  test('one is let through after a pause, and only one', () => {
    const { breaker, fail, pause } = start();
    fail(FAILURES_TO_OPEN);
    expect(pause().admitted.trial).toBe(true);
    expect(refusal(breaker).failure).toBe('network');
  });

  test('a success closes it', () => {
    const { breaker, fail, pause, states } = start();
    fail(FAILURES_TO_OPEN);
    pause().admitted.ended();
    expect(breaker.admit(subject()).trial).toBe(false);
    expect(states).toEqual([true, false]);
  });

  test('the pause grows with each failure, up to a limit', () => {
    const { fail, pause } = start();
    fail(FAILURES_TO_OPEN);
    const pauses = Array.from({ length: 8 }, () => {
      const { waited, admitted } = pause();
      admitted.ended(refused);
      return waited;
    });
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(pauses[1]).toBeGreaterThan(pauses[0] ?? 0);
    expect(pauses.at(-1)).toBe(LONGEST_PAUSE_MS);
  });

  test('jitter never makes the longest pause 5 s', () => {
    expect(LONGEST_PAUSE_MS * 1.25).toBeLessThan(5_000);
  });

  test('a request that is let through and never answered keeps the breaker open no longer', () => {
    const { fail, pause } = start();
    fail(FAILURES_TO_OPEN);
    pause();
    expect(pause().admitted.trial).toBe(true);
  });

  test('an answer to an earlier request closes it too', () => {
    const { breaker, fail } = start();
    const before = breaker.admit(subject());
    fail(FAILURES_TO_OPEN);
    before.ended();
    expect(breaker.admit(subject()).trial).toBe(false);
  });

  test('failures of earlier requests change only the reported error', () => {
    const { breaker, fail, clock } = start();
    const others = [breaker.admit(subject()), breaker.admit(subject())];
    fail(FAILURES_TO_OPEN);
    clock.advance(100);
    for (const other of others) other.ended(error('timeout'));
    expect(refusal(breaker).failure).toBe('timeout');
  });
});

describe('while a host is silent to some repositories', () => {
  /** Five repositories of one tenant hang. */
  function hung() {
    const at = start();
    for (const repository of ['a', 'b', 'c', 'd', 'e']) at.fail(1, error('timeout'), repository);
    expect(at.breaker.isOpen).toBe(true);
    return at;
  }

  test('they are not tried, and another tenant’s repository is', () => {
    const { breaker } = hung();
    expect(() => breaker.admit(subject('a'))).toThrow();
    expect(breaker.admit(subject('healthy', 'other')).trial).toBe(true);
  });

  test('the first answer to another repository ends it for all but those that hang', () => {
    const { breaker, states } = hung();
    breaker.admit(subject('healthy', 'other')).ended();
    expect(states).toEqual([true, false]);
    expect(breaker.admit(subject('healthy', 'other')).trial).toBe(false);
  });

  test('one request of a tenant tries at a time; the next waits a moment for what comes of it', async () => {
    const { breaker } = hung();
    const trial = breaker.admit(subject('healthy', 'other'));
    expect(() => breaker.admit(subject('healthy-too', 'other'))).toThrow();
    const waits = breaker.awaitTrial(subject('healthy-too', 'other'), never);
    trial.ended();
    await waits;
    expect(breaker.admit(subject('healthy-too', 'other')).trial).toBe(false);
  });

  test('a trial without an answer keeps the tenant’s next request waiting for a moment, and no longer', async () => {
    const { breaker, clock } = hung();
    breaker.admit(subject('slow', 'other'));
    const waits = breaker.awaitTrial(subject('healthy', 'other'), never);
    clock.advance(1_000);
    await waits;
    expect(breaker.admit(subject('healthy', 'other')).trial).toBe(true);
  });
});

test('the error of a refused request is the same from one time to the next', () => {
  const { breaker, fail, clock } = start();
  fail(FAILURES_TO_OPEN);
  const first = refusal(breaker).unsent;
  clock.advance(100);
  expect(refusal(breaker).unsent).toEqual(first);
});

test("errors other than a registry's don't count", () => {
  const { breaker } = start();
  for (let count = 0; count < 2 * FAILURES_TO_OPEN; count++)
    breaker.admit(subject()).ended(new TypeError('bug'));
  expect(breaker.admit(subject()).trial).toBe(false);
});
