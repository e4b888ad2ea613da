import { expect, test } from 'vitest';
import { trendOf } from '../../bench/flatness.ts';

const samples = Array.from({ length: 60 }, (_, index) => index * 5);
const bound = { share: 0.05, least: 1 };

test('the growth of a line is from its first sample to its last', () => {
  expect(trendOf(samples, bound).growth).toBe(300);
});

test.each([
  ['flat that stays', () => 100, true],
  ['flat that saws', (at: number) => 100 + (at % 30), true],
  ['flat that has peaks', (at: number) => (at % 35 === 0 ? 500 : 100), true],
  ['flat that falls', (at: number) => 500 - at, true],
  ['flat that grows by less than its share', (at: number) => 100 + at / 100, true],
  ['not flat that grows by more', (at: number) => 100 + at / 10, false],
  ['not flat that saws and grows', (at: number) => 100 + (at % 30) + at / 10, false],
  ['flat that is small and grows by less than the least', (at: number) => 1 + at / 500, true],
])('a value is %s', (_what, value, flat) => {
  const { growth, allowed } = trendOf(samples.map(value), bound);
  expect(growth <= allowed).toBe(flat);
});
