import { describe, expect, test } from 'vitest';
import { RegistryError } from '../../src/registry/error.ts';
import type { RegistryFailure } from '../../src/registry/failures.ts';
import { Breaker, FAILURES_TO_OPEN, LONGEST_PAUSE_MS } from '../../src/resolve/breaker.ts';
import { ManualClock } from './manual-clock.ts';

const error = (failure: RegistryFailure, status?: number) =>
  new RegistryError(failure, `it is ${failure}`, status === undefined ? {} : { status });
const refused = error('network');

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
    for (let count = 0; count < times; count++) breaker.admit(repository).ended(why);
  };
  /** Milliseconds until somebody is let in again. */
  const pause = () => {
    for (let waited = 0; waited < 60_000; waited += 10) {
      try {
        return { waited, admitted: breaker.admit('app') };
      } catch {
        clock.advance(10);
      }
    }
    throw new Error('it never opens again');
  };
  return { clock, states, breaker, fail, pause };
}

function refusal(breaker: Breaker): RegistryError {
  try {
    breaker.admit('app');
  } catch (error) {
    if (error instanceof RegistryError && error.unsent !== undefined) return error;
  }
  throw new Error('it was let in');
}

describe('a breaker opens', () => {
  test('after so many failures in a row, and not before', () => {
    const { breaker, fail, states } = start();
    fail(FAILURES_TO_OPEN - 1);
    expect(breaker.admit('app').trial).toBe(false);
    fail();
    expect(refusal(breaker)).toMatchObject({
      failure: 'network',
      unsent: { note: expect.stringContaining('in a row') },
    });
    expect(states).toEqual([true]);
  });

  test('for what the registry fails at: no connection, no answer, 5xx', () => {
    for (const failure of [error('network'), error('timeout')]) {
      const { breaker, fail } = start();
      fail(FAILURES_TO_OPEN, failure);
      expect(refusal(breaker).failure).toBe(failure.failure);
    }
  });

  test("not for one image's 5xx, which says nothing of the others", () => {
    const { breaker, fail } = start();
    fail(2 * FAILURES_TO_OPEN, error('unavailable', 500), 'broken');
    expect(breaker.admit('app').trial).toBe(false);
    fail(1, error('unavailable', 500), 'app');
    expect(refusal(breaker).failure).toBe('unavailable');
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
    expect(breaker.admit('app').trial).toBe(false);
  });

  test('not where an answer came between', () => {
    const { breaker, fail } = start();
    fail(FAILURES_TO_OPEN - 1);
    breaker.admit('app').ended(error('not_found', 404));
    fail(FAILURES_TO_OPEN - 1);
    expect(breaker.admit('app').trial).toBe(false);
  });

  test('not for requests that began before the last success', () => {
    const { breaker, clock } = start();
    const old = Array.from({ length: 2 * FAILURES_TO_OPEN }, () => breaker.admit('app'));
    clock.advance(10);
    breaker.admit('app').ended();
    clock.advance(10);
    for (const request of old) request.ended(error('timeout'));
    expect(breaker.admit('app').trial).toBe(false);
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
    expect(breaker.admit('app').trial).toBe(false);
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

  test('one that is let through and never answered keeps nobody else out for longer', () => {
    const { fail, pause } = start();
    fail(FAILURES_TO_OPEN);
    pause();
    expect(pause().admitted.trial).toBe(true);
  });

  test('an answer to somebody let in before closes it too', () => {
    const { breaker, fail } = start();
    const before = breaker.admit('app');
    fail(FAILURES_TO_OPEN);
    before.ended();
    expect(breaker.admit('app').trial).toBe(false);
  });

  test('failures of others change nothing but the error that is told', () => {
    const { breaker, fail, clock } = start();
    const others = [breaker.admit('app'), breaker.admit('app')];
    fail(FAILURES_TO_OPEN);
    clock.advance(100);
    for (const other of others) other.ended(error('timeout'));
    expect(refusal(breaker).failure).toBe('timeout');
  });
});

test('what is no error of a registry says nothing of it', () => {
  const { breaker } = start();
  for (let count = 0; count < 2 * FAILURES_TO_OPEN; count++) breaker.admit('app').ended(new TypeError('bug'));
  expect(breaker.admit('app').trial).toBe(false);
});
