import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LoadLimiter, REVIEW_BYTES } from '../../src/webhook/load-limiter.ts';

const MIB = 2 ** 20;

test('reservations never exceed the limit, and are all released', () => {
  const bodies = fc.array(fc.record({ bytes: fc.nat(7 * MIB), given: fc.nat(3) }), { maxLength: 50 });
  fc.assert(
    fc.property(bodies, (reviews) => {
      const load = new LoadLimiter(8 * MIB);
      const held: { bytes: number; release: () => void }[] = [];
      for (const { bytes, given } of reviews) {
        const release = load.reserve(bytes);
        const sum = held.reduce((total, review) => total + review.bytes + REVIEW_BYTES, 0);
        expect(release !== undefined).toBe(sum + bytes + REVIEW_BYTES <= 8 * MIB);
        if (release !== undefined) held.push({ bytes, release });
        // Twice is once.
        for (const review of held.splice(0, given)) for (let time = 0; time < 2; time++) review.release();
      }
      for (const { release } of held) release();
      expect(load.reserve(8 * MIB - REVIEW_BYTES)).toBeTypeOf('function');
    }),
  );
});

test('reviews without a body are limited too', () => {
  const load = new LoadLimiter(8 * MIB);
  let count = 0;
  while (load.reserve(0) !== undefined) count++;
  expect(count).toBe((8 * MIB) / REVIEW_BYTES);
});

test('each is started in its turn', async () => {
  const load = new LoadLimiter(8 * MIB);
  const started: number[] = [];
  for (let index = 0; index < 100; index++) load.schedule(0, async () => started.push(index));
  expect(started).toEqual([]);
  await nextTurn();
  expect(started).toEqual(Array.from({ length: 100 }, (_, index) => index));
  load.schedule(0, async () => started.push(100));
  await nextTurn();
  expect(started.at(-1)).toBe(100);
});

test('the caller gets the result of its work', async () => {
  const load = new LoadLimiter(8 * MIB);
  const failure = new Error('no');
  const outcomes = [load.schedule(0, async () => 1), load.schedule(0, () => Promise.reject(failure))];
  expect(await Promise.allSettled(outcomes)).toMatchObject([{ value: 1 }, { reason: failure }]);
});

test('the event loop serves other connections in between', async () => {
  const load = new LoadLimiter(8 * MIB);
  let started = 0;
  for (let index = 0; index < 20; index++)
    load.schedule(0, async () => {
      for (const end = performance.now() + 5; performance.now() < end; );
      started++;
    });
  await nextTurn();
  expect(started).toBeGreaterThan(0);
  expect(started).toBeLessThan(10);
});

test('the reviews in flight are known', () => {
  const load = new LoadLimiter(8 * MIB);
  const [first, second] = [load.reserve(MIB), load.reserve(0)];
  expect(load).toMatchObject({ underWay: 2, reservedBytes: MIB + 2 * REVIEW_BYTES });
  first?.();
  first?.();
  expect(load).toMatchObject({ underWay: 1, reservedBytes: REVIEW_BYTES });
  second?.();
  expect(load).toMatchObject({ underWay: 0, reservedBytes: 0 });
});

describe('a large review', () => {
  const large = 3 * MIB;
  const busy = (milliseconds: number) => {
    for (const end = performance.now() + milliseconds; performance.now() < end; );
  };

  test('lets small ones that came later go first', async () => {
    const load = new LoadLimiter(8 * MIB);
    const started: string[] = [];
    load.schedule(large, async () => started.push('large'));
    await Promise.all(['a', 'b'].map((name) => load.schedule(0, async () => started.push(name))));
    await nextTurn();
    expect(started).toEqual(['a', 'b', 'large']);
  });

  test('is followed by the small ones before the next large one', async () => {
    const load = new LoadLimiter(8 * MIB);
    const started: string[] = [];
    for (const name of ['large 1', 'large 2', 'large 3'])
      load.schedule(large, async () => {
        busy(5);
        started.push(name);
        if (name === 'large 1') load.schedule(0, async () => started.push('small'));
      });
    while (started.length < 4) await nextTurn();
    expect(started).toEqual(['large 1', 'small', 'large 2', 'large 3']);
  });

  test('has its turn though small ones never end', async () => {
    const load = new LoadLimiter(8 * MIB);
    let isStarted = false;
    const again = async (): Promise<void> => {
      busy(1);
      if (!isStarted) load.schedule(0, again);
    };
    for (let index = 0; index < 20; index++) load.schedule(0, again);
    await load.schedule(large, async () => {
      isStarted = true;
    });
    expect(isStarted).toBe(true);
  });
});
