import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { EMPTY_DIGEST, InvalidDigest, isDigest, parseDigest, sha256 } from '../../src/image/digest.ts';
import { cpuMilliseconds } from '../support/cpu-time.ts';
import { runs } from '../support/runs.ts';
import { cases, prose, testedIn, vectors } from '../support/vectors.ts';

vectors('reference.json', {
  fields: prose,
  notes: prose,
  normalized: testedIn('test/image/reference.test.ts'),
  rawParse: testedIn('test/image/reference.test.ts'),
  plainHttp: testedIn('test/registry/address.test.ts'),
  digestParse: cases(
    z.object({ input: z.string(), ok: z.boolean(), error: z.string().nullable() }),
    ({ input }) => JSON.stringify(input),
    ({ input, ok, error }) => {
      expect(isDigest(input)).toBe(ok);
      expect(faultOf(input)).toBe(error);
      if (ok) expect(parseDigest(input)).toBe(input);
    },
  ),
});

test('sha512 is known too', () => {
  expect(isDigest(`sha512:${'a'.repeat(128)}`)).toBe(true);
});

test('sha256 makes the digest of text and of bytes', () => {
  expect(sha256('hello')).toBe('sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824');
  expect(sha256(new TextEncoder().encode('hello'))).toBe(sha256('hello'));
});

test('the digest of nothing', () => {
  expect(EMPTY_DIGEST).toBe('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('nothing but InvalidDigest is thrown', () => {
  const unit = fc.constantFrom(...'aA0:._-+= ', 'sha256:', 'sha512:', 'a'.repeat(64));
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit, maxLength: 20 }), fc.string({ unit: 'binary' })), (text) => {
      expect(isDigest(text)).toBe(faultOf(text) === null);
    }),
    runs(),
  );
});

test.each(['a', 'a.', 'a:', ':', 'sha256:'])('a megabyte of %j takes little time', (unit) => {
  const long = unit.repeat(2 ** 20 / unit.length);
  expect(cpuMilliseconds(() => expect(isDigest(long)).toBe(false))).toBeLessThan(5000);
});

function faultOf(text: string): string | null {
  try {
    parseDigest(text);
    return null;
  } catch (error) {
    if (error instanceof InvalidDigest) return error.reason;
    throw error;
  }
}
