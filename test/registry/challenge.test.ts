import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { chooseChallenge, parseChallenges } from '../../src/registry/challenge.ts';
import { cpuMilliseconds } from '../support/cpu-time.ts';
import { runs } from '../support/runs.ts';
import { cases, prose, testedIn, vectors } from '../support/vectors.ts';

vectors('challenge.json', {
  parse: cases(
    z.object({
      header: z.array(z.string()),
      expected: z.array(
        z.object({
          scheme: z.string(),
          params: z.record(z.string(), z.string()),
          token68: z.string().optional(),
        }),
      ),
      use: z.enum(['bearer', 'basic']).nullable(),
      sameWhenJoinedWithComma: z.boolean(),
      onlyUseMatters: z.boolean().optional(),
    }),
    ({ header }) => header.join(' | '),
    ({ header, expected, use, sameWhenJoinedWithComma, onlyUseMatters }) => {
      const challenges = parseChallenges(header);
      if (!onlyUseMatters) expect(challenges).toEqual(expected);
      expect(chooseChallenge(challenges)?.scheme ?? null).toBe(use);
      if (sameWhenJoinedWithComma) expect(parseChallenges(header.join(', '))).toEqual(challenges);
    },
  ),
  tokenRequest: testedIn('test/registry/token.test.ts'),
  tokenResponse: testedIn('test/registry/token.test.ts'),
  realmPolicy: testedIn('test/registry/address.test.ts'),
  redirectPolicy: testedIn('test/registry/address.test.ts'),
  canonicalAddress: testedIn('test/registry/address.test.ts'),
  flows: prose,
});

describe('tolerance', () => {
  test('a quoted string that does not end takes its parameter with it', () => {
    expect(parseChallenges('Bearer service="s", realm="https://a/t')).toEqual([
      { scheme: 'bearer', params: { service: 's' } },
    ]);
    expect(parseChallenges('Bearer realm="https://a/t\\"')).toEqual([{ scheme: 'bearer', params: {} }]);
  });

  test('a broken header does not spoil the next one', () => {
    const challenges = parseChallenges(['Bearer realm="https://a', 'Basic realm="b"']);
    expect(chooseChallenge(challenges)).toEqual({ scheme: 'basic', params: { realm: 'b' } });
  });

  test('an unquoted URL is a value', () => {
    expect(parseChallenges('Bearer realm=https://a/t,service=s')).toEqual([
      { scheme: 'bearer', params: { realm: 'https://a/t', service: 's' } },
    ]);
  });

  test('space around the equals sign, tabs and missing commas do no harm', () => {
    expect(parseChallenges('Bearer\trealm = "https://a/t"  service="s" ,scope\t="x"')).toEqual([
      { scheme: 'bearer', params: { realm: 'https://a/t', service: 's', scope: 'x' } },
    ]);
  });

  test('of two Bearer challenges the one with a realm is chosen', () => {
    const challenges = parseChallenges('Bearer service="s", Bearer realm="https://a/t", Basic realm="b"');
    expect(chooseChallenge(challenges)?.params['realm']).toBe('https://a/t');
  });

  test('parameters named like properties of Object are only parameters', () => {
    const [challenge] = parseChallenges('Bearer __proto__="x", constructor="y"');
    expect(Object.entries(challenge?.params ?? {})).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(chooseChallenge(parseChallenges('Bearer __proto__="x"'))).toBeUndefined();
  });
});

describe('for any input', () => {
  const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
  const value = fc.string({ unit: 'grapheme-ascii', maxLength: 20 });

  test('what is written by the grammar reads back, in headers of their own and in one', () => {
    const challenge = fc.record({
      scheme: token,
      params: fc.dictionary(token, value, { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
    });
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 4 }), (challenges) => {
        const headers = challenges.map(({ scheme, params }) => `${scheme} ${printParams(params)}`);
        expect(parseChallenges(headers)).toEqual(challenges);
        expect(parseChallenges(headers.join(', '))).toEqual(challenges);
      }),
      runs(),
    );
  });

  test('nothing is thrown', () => {
    const unit = fc.constantFrom(
      'Bearer',
      'Basic ',
      ' realm',
      'realm=',
      '=',
      '"',
      '\\',
      ',',
      ' ',
      ';',
      'a',
      '\t',
      'é',
      '\0',
    );
    const text = fc.oneof(fc.string({ unit, maxLength: 40 }), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 3 }), (headers) => {
        const chosen = chooseChallenge(parseChallenges(headers));
        expect(chosen === undefined || ['bearer', 'basic'].includes(chosen.scheme)).toBe(true);
      }),
      runs(),
    );
  });

  const units = [
    'a',
    'a ',
    'a,',
    'a=',
    'a="',
    '"',
    '\\"',
    '"\\',
    ',',
    ' ',
    '=',
    'a b=',
    'a =',
    'a  ',
    ';',
    '"a",',
    'Bearer x=',
  ];
  test.each(units)('a megabyte of %j takes little time', (unit) => {
    const text = unit.repeat(2 ** 20 / unit.length);
    for (const header of [
      text,
      `Bearer ${text}`,
      `Bearer realm=${text}`,
      `Bearer realm="${text}`,
      `"${text}`,
    ]) {
      expect(cpuMilliseconds(() => parseChallenges(header))).toBeLessThan(5000);
    }
  });
});

function printParams(params: Record<string, string>): string {
  const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
  return Object.entries(params)
    .map(([name, value]) => `${name}=${quoted(value)}`)
    .join(', ');
}
