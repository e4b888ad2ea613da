import { describe, expect, test } from 'vitest';
import { digestTags, faultOfName, isTagOf, tagOfDigest, tagOfIndex } from '../../src/hold/name.ts';
import { parseDigest } from '../../src/image/digest.ts';
import { matchReference } from '../../src/image/reference.ts';

const digest = parseDigest(`sha256:${'0123456789abcdef'.repeat(4)}`);

describe("a cluster's name in tags", () => {
  test.each(['prod', 'a', 'Prod_1.eu-west', 'x'.repeat(99)])('can be %s', (name) => {
    expect(faultOfName(name)).toBeUndefined();
    for (const tag of [tagOfIndex(name), tagOfDigest(name, digest)]) {
      expect(matchReference(`registry.example.com/app:${tag}`).tag).toBe(tag);
    }
  });

  test.each([
    ['', 'letters'],
    ['-prod', 'letters'],
    ['prod-', 'letters'],
    ['prod/eu', 'letters'],
    ['prod eu', 'letters'],
    ['prod:1', 'letters'],
    ['prod\n', 'letters'],
    ['x'.repeat(100), '99 characters'],
    ['prod-0123456789abcdef', 'hexadecimal'],
    ['0123456789abcdef', 'hexadecimal'],
  ])('can not be %j', (name, said) => expect(faultOfName(name)).toContain(said));
});

describe('the tags of a cluster', () => {
  const tag = 'tagpin-keep-prod-0123456789abcdef';

  test('begin alike, and say which digest they are for', () => {
    expect(tagOfIndex('prod')).toBe('tagpin-keep-prod');
    expect(tagOfDigest('prod', digest)).toBe(tag);
    expect(isTagOf(tag, digest)).toBe(true);
    expect(isTagOf(tag, parseDigest(`sha256:${'1'.repeat(64)}`))).toBe(false);
  });

  test('are told from those of a cluster whose name begins alike', () => {
    const others = [
      'tagpin-keep-prod',
      'tagpin-keep-prod-b',
      'tagpin-keep-prod-b-0123456789abcdef',
      'tagpin-keep-prod-0123456789abcde',
      'tagpin-keep-prod-0123456789abcdef0',
      'tagpin-keep-prod-0123456789ABCDEF',
      '1.0',
    ];
    expect(digestTags('prod', [tag, ...others])).toEqual([tag]);
  });
});
