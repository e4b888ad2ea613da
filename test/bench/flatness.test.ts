import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { slopeOf, trendOf } from '../../bench/flatness.ts';

const seconds = Array.from({ length: 60 }, (_, index) => index * 5);
const pointsOf = (value: (at: number) => number) => seconds.map((at) => ({ at, value: value(at) }));
const bound = { share: 0.05, least: 1 };

test('the slope of a line is its own, wherever it begins', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -1_000, max: 1_000 }),
      fc.integer({ min: -100, max: 100 }),
      (start, slope) => {
        expect(slopeOf(pointsOf((at) => start + slope * at))).toBeCloseTo(slope);
      },
    ),
  );
});

test('peaks turn it little', () => {
  expect(slopeOf(pointsOf((at) => (at % 35 === 0 ? 500 : 100) + at))).toBeCloseTo(1, 1);
});

describe('a value is', () => {
  test.each([
    ['flat that stays', () => 100, true],
    ['flat that saws', (at: number) => 100 + (at % 30), true],
    ['flat that falls', (at: number) => 500 - at, true],
    ['flat that grows by less than its share', (at: number) => 100 + at / 100, true],
    ['not flat that grows by more', (at: number) => 100 + at / 10, false],
    ['not flat that saws and grows', (at: number) => 100 + (at % 30) + at / 10, false],
    ['flat that is small and grows by less than the least', (at: number) => 1 + at / 500, true],
  ])('%s', (_what, value, flat) => expect(trendOf(pointsOf(value), bound).flat).toBe(flat));
});
