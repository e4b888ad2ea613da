import fc from 'fast-check';
import { expect, test } from 'vitest';
import { globMatch } from '../../src/credentials/glob.ts';
import { cpuMilliseconds } from '../support/cpu-time.ts';
import { runs } from '../support/runs.ts';

// From Go's path/filepath/match_test.go, but for its cases with path separators.
test.each([
  ['abc', 'abc', true],
  ['*', 'abc', true],
  ['*c', 'abc', true],
  ['a*', 'a', true],
  ['a*', 'abc', true],
  ['a*b*c*d*e*', 'axbxcxdxe', true],
  ['a*b?c*x', 'abxbbxdbxebxczzx', true],
  ['a*b?c*x', 'abxbbxdbxebxczzy', false],
  ['ab[c]', 'abc', true],
  ['ab[b-d]', 'abc', true],
  ['ab[e-g]', 'abc', false],
  ['ab[^c]', 'abc', false],
  ['ab[^b-d]', 'abc', false],
  ['ab[^e-g]', 'abc', true],
  ['a\\*b', 'a*b', true],
  ['a\\*b', 'ab', false],
  ['a?b', 'a☺b', true],
  ['a[^a]b', 'a☺b', true],
  ['a???b', 'a☺b', false],
  ['a[^a][^a][^a]b', 'a☺b', false],
  ['[a-ζ]*', 'α', true],
  ['*[a-ζ]', 'A', false],
  ['[\\]a]', ']', true],
  ['[\\-]', '-', true],
  ['[x\\-]', 'x', true],
  ['[x\\-]', '-', true],
  ['[x\\-]', 'z', false],
  ['[\\-x]', 'x', true],
  ['[\\-x]', '-', true],
  ['[\\-x]', 'a', false],
  ['[]a]', ']', false],
  ['[-]', '-', false],
  ['[x-]', 'x', false],
  ['[x-]', '-', false],
  ['[-x]', 'x', false],
  ['\\', 'a', false],
  ['[a-b-c]', 'a', false],
  ['[', 'a', false],
  ['[^', 'a', false],
  ['[^bc', 'a', false],
  ['a[', 'a', false],
  ['a[', 'ab', false],
  ['a[', 'x', false],
  ['*x', 'xxx', true],
  ['', '', true],
  ['', 'a', false],
  ['**', '', true],
  ['?', '', false],
  ['[*]', '*', true],
  ['[^]', '^', false],
  ['a]', 'a]', true],
])('%j for %j: %j', (pattern, text, match) => {
  expect(globMatch(pattern, text)).toBe(match);
});

test('a pattern without metacharacters matches itself alone, and stars match what they stand for', () => {
  const plain = fc.string({ unit: fc.constantFrom(...'abc-_.'), maxLength: 10 });
  fc.assert(
    fc.property(fc.array(plain, { maxLength: 5 }), plain, (pieces, filling) => {
      expect(globMatch(pieces.join('*'), pieces.join(filling))).toBe(true);
      expect(globMatch(pieces.join(''), pieces.join(filling))).toBe(pieces.join('') === pieces.join(filling));
    }),
    runs(),
  );
});

test.each(['*', '*a', 'a*', '?*', '[a-b]', '[', '\\', '\\*', '[^a]*', '[aa'])(
  'a long pattern of %j takes little time',
  (unit) => {
    const pattern = unit.repeat(2 ** 15 / unit.length);
    const match = () => {
      for (const text of ['', 'a'.repeat(255), 'ab'.repeat(127)]) {
        globMatch(pattern, text);
        globMatch(`*${pattern}b`, text);
        globMatch(`[${pattern}]`, text);
      }
    };
    expect(cpuMilliseconds(match)).toBeLessThan(5000);
  },
);
