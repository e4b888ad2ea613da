import { expect, test } from 'vitest';
import { readRetryAfter } from '../../src/registry/retry-after.ts';

const now = Date.parse('2026-01-02T03:04:05Z');

test.each([
  ['30', 30],
  [' 0 ', 0],
  ['99999999999999999999999', 86_400],
  ['Fri, 02 Jan 2026 03:05:05 GMT', 60],
  ['Fri, 02 Jan 2037 03:05:05 GMT', 86_400],
  ['Fri, 02 Jan 2026 03:03:05 GMT', undefined],
  ['-5', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  ['', undefined],
  [undefined, undefined],
  [['1', '2'], undefined],
])('%j is %s', (header, seconds) => expect(readRetryAfter(header, now)).toBe(seconds));
