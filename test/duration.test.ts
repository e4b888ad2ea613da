import { expect, test } from 'vitest';
import { parseDuration } from '../src/duration.ts';

test.each([
  ['10s', 10_000],
  ['500ms', 500],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['.5s', 500],
  ['0s', 0],
])('%s is %d ms', (text, milliseconds) => expect(parseDuration(text)).toBe(milliseconds));

test.each(['', '10', 's', '-1s', '10 s', '1d', '10s!', '1e3s', '9'.repeat(60)])('%j is none', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});
