import fc from 'fast-check';
import { expect, test } from 'vitest';
import { timeFor } from '../../src/webhook/review-deadline.ts';

const MIB = 2 ** 20;

test.each([
  [10_000, 0, 0, 9_000],
  [10_000, 300, 0, 8_700],
  [10_000, 0, 20, 8_000],
  [30_000, 0, 0, 27_000],
  [2_000, 0, 0, 1_500],
])(
  'of %i ms, %i of them gone, with %i MiB under way, a review has %i',
  (patience, waited, mebibytes, left) => {
    expect(timeFor(patience, waited, mebibytes * MIB)).toBe(left);
  },
);

test('of reviews that come in a burst, each is to be answered at another time, the last first', () => {
  const times = Array.from({ length: 600 }, (_, index) => timeFor(10_000, 0, (index + 1) * 38 * 1024));
  expect(times).toEqual([...new Set(times)].sort((a, b) => b - a));
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(1_000);
});

test('however much there is, more than half of the time is left; however late it is, there is some', () => {
  const cases = fc.tuple(fc.integer({ min: 4_000, max: 30_000 }), fc.nat(30_000), fc.nat(4_096 * MIB));
  fc.assert(
    fc.property(cases, ([patience, waited, held]) => {
      expect(timeFor(patience, 0, held)).toBeGreaterThan(patience / 2);
      expect(timeFor(patience, waited, held)).toBeGreaterThanOrEqual(100);
    }),
  );
});
