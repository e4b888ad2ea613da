import { describe, expect, test } from 'vitest';
import { parseDigest } from '../../src/image/digest.ts';
import { RegistryError } from '../../src/registry/error.ts';
import type { RegistryFailure } from '../../src/registry/failures.ts';
import { DigestCache, type DigestCacheOptions } from '../../src/resolve/digest-cache.ts';
import { ManualClock } from '../support/manual-clock.ts';

const found = { digest: parseDigest(`sha256:${'a'.repeat(64)}`), opener: 1 };
const error = (failure: RegistryFailure) => new RegistryError(failure, failure);

function start(options: Partial<DigestCacheOptions> = {}, random = () => 0.5) {
  const clock = new ManualClock();
  const answers = new DigestCache(
    { entries: 10, age: 60, negativeAge: 5, staleAge: 100, ...options },
    clock,
    random,
  );
  return { clock, answers };
}

describe('a digest', () => {
  test('is fresh for its age, then stale, then forgotten', () => {
    const { clock, answers } = start();
    answers.found('a', found);
    clock.advance(59);
    expect([answers.fresh('a'), answers.stale('a')]).toMatchObject([found, { ...found, age: 59 }]);
    clock.advance(1);
    expect([answers.fresh('a'), answers.stale('a')]).toEqual([undefined, { ...found, age: 60 }]);
    clock.advance(100);
    expect(answers.stale('a')).toBeUndefined();
  });

  test('without a stale age is never stale', () => {
    const { clock, answers } = start({ staleAge: 0 });
    answers.found('a', found);
    clock.advance(60);
    expect(answers.stale('a')).toBeUndefined();
  });

  test('is that of its key', () => {
    const { answers } = start();
    answers.found('a', found);
    expect(answers.fresh('b')).toBeUndefined();
  });
});

describe('a failure', () => {
  test.each<RegistryFailure>(['not_found', 'unauthorized', 'denied'])(
    'is remembered briefly: %s',
    (failure) => {
      const { clock, answers } = start();
      const refusal = error(failure);
      answers.failed('a', refusal);
      clock.advance(4);
      expect(answers.failure('a')).toBe(refusal);
      clock.advance(1);
      expect(answers.failure('a')).toBeUndefined();
    },
  );

  test.each<RegistryFailure>([
    'timeout',
    'network',
    'unavailable',
    'rate_limited',
    'busy',
    'untrusted',
    'bad_body',
  ])('is not remembered where it says nothing of the image: %s', (failure) => {
    const { answers } = start();
    answers.failed('a', error(failure));
    expect(answers.failure('a')).toBeUndefined();
  });

  test('is cached with jitter, so that not all expire at once', () => {
    for (const [random, age] of [
      [0, 3.75],
      [1, 6.25],
    ] as const) {
      const { clock, answers } = start({}, () => random);
      answers.failed('a', error('not_found'));
      clock.advance(age - 0.01);
      expect(answers.failure('a')).toBeDefined();
      clock.advance(0.01);
      expect(answers.failure('a')).toBeUndefined();
    }
  });

  test('can be forgotten at once', () => {
    const { answers } = start({ negativeAge: 0 });
    answers.failed('a', error('not_found'));
    expect(answers.failure('a')).toBeUndefined();
  });

  test('removes an older digest', () => {
    const { answers } = start();
    answers.found('a', found);
    answers.failed('a', error('not_found'));
    expect([answers.fresh('a'), answers.stale('a')]).toEqual([undefined, undefined]);
  });

  test('is over when the image is found', () => {
    const { answers } = start();
    answers.failed('a', error('not_found'));
    answers.found('a', found);
    expect(answers.failure('a')).toBeUndefined();
  });

  test('takes no room from digests', () => {
    const { answers } = start({ entries: 1 });
    answers.found('a', found);
    answers.failed('b', error('not_found'));
    expect(answers.fresh('a')).toMatchObject(found);
  });
});
