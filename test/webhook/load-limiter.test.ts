import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LoadLimiter, REVIEW_BYTES } from '../../src/webhook/load-limiter.ts';

const MIB = 2 ** 20;

test('reservations never exceed the limit, and are all released', () => {
  const bodies = fc.array(fc.record({ bytes: fc.nat(7 * MIB), given: fc.nat(3) }), { maxLength: 50 });
  fc.assert(
    fc.property(bodies, (reviews) => {
      const intake = new LoadLimiter(8 * MIB);
      const held: { bytes: number; giveBack: () => void }[] = [];
      for (const { bytes, given } of reviews) {
        const giveBack = intake.hold(bytes);
        const sum = held.reduce((total, review) => total + review.bytes + REVIEW_BYTES, 0);
        expect(giveBack !== undefined).toBe(sum + bytes + REVIEW_BYTES <= 8 * MIB);
        if (giveBack !== undefined) held.push({ bytes, giveBack });
        // Twice is once.
        for (const review of held.splice(0, given)) for (let time = 0; time < 2; time++) review.giveBack();
      }
      for (const { giveBack } of held) giveBack();
      expect(intake.hold(8 * MIB - REVIEW_BYTES)).toBeTypeOf('function');
    }),
  );
});

test('reviews without a body are limited too', () => {
  const intake = new LoadLimiter(8 * MIB);
  let count = 0;
  while (intake.hold(0) !== undefined) count++;
  expect(count).toBe((8 * MIB) / REVIEW_BYTES);
});

test('each is started in its turn', async () => {
  const intake = new LoadLimiter(8 * MIB);
  const started: number[] = [];
  for (let index = 0; index < 100; index++) intake.inTurn(async () => started.push(index));
  expect(started).toEqual([]);
  await nextTurn();
  expect(started).toEqual(Array.from({ length: 100 }, (_, index) => index));
  intake.inTurn(async () => started.push(100));
  await nextTurn();
  expect(started.at(-1)).toBe(100);
});

test('the caller gets the result of its work', async () => {
  const intake = new LoadLimiter(8 * MIB);
  const failure = new Error('no');
  const outcomes = [intake.inTurn(async () => 1), intake.inTurn(() => Promise.reject(failure))];
  expect(await Promise.allSettled(outcomes)).toMatchObject([{ value: 1 }, { reason: failure }]);
});

test('the event loop serves other connections in between', async () => {
  const intake = new LoadLimiter(8 * MIB);
  let started = 0;
  for (let index = 0; index < 20; index++)
    intake.inTurn(async () => {
      for (const end = performance.now() + 5; performance.now() < end; );
      started++;
    });
  await nextTurn();
  expect(started).toBeGreaterThan(0);
  expect(started).toBeLessThan(10);
});

test('the reviews in flight are known', () => {
  const intake = new LoadLimiter(8 * MIB);
  const [first, second] = [intake.hold(MIB), intake.hold(0)];
  expect(intake).toMatchObject({ underWay: 2, heldBytes: MIB + 2 * REVIEW_BYTES });
  first?.();
  first?.();
  expect(intake).toMatchObject({ underWay: 1, heldBytes: REVIEW_BYTES });
  second?.();
  expect(intake).toMatchObject({ underWay: 0, heldBytes: 0 });
});
