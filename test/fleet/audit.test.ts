import { describe, expect, test } from 'vitest';
import { printPercent } from '../../src/fleet/audit.ts';
import { ageInWords } from '../../src/fleet/audited-image.ts';

describe('a share', () => {
  test.each([
    [0, 3, '0%'],
    [1, 3, '33%'],
    [1, 1000, '1%'],
    [999, 1000, '99%'],
    [3, 3, '100%'],
    [0, 0, '-'],
  ])('%d of %d is %s: all only if it is all, none only if it is none', (part, whole, text) => {
    expect(printPercent(part, whole)).toBe(text);
  });
});

describe('an age', () => {
  const [minute, hour] = [60_000, 3_600_000];
  test.each([
    [-5, '0 min'],
    [59 * minute, '59 min'],
    [hour, '1 h'],
    [47 * hour, '47 h'],
    [48 * hour, '2 d'],
    [400 * 24 * hour, '400 d'],
  ])('of %d ms is %s', (milliseconds, text) => expect(ageInWords(milliseconds)).toBe(text));
});
