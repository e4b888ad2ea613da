import { describe, expect, test } from 'vitest';
import { readGoYaml } from '../../../src/kubernetes/kubeconfig/go-yaml.ts';

const read = (text: string) => readGoYaml(Buffer.from(text));

describe('YAML as Go reads it:', () => {
  test.each<[string, string, unknown]>([
    [
      'booleans of YAML 1.1',
      'a: [yes, On, y, no, OFF, n, True]',
      { a: [true, true, true, false, false, false, true] },
    ],
    ['nulls', 'a: [~, null, NULL, ]\nb:', { a: [null, null, null], b: null }],
    [
      'numbers',
      'a: [1, -1, 0x1F, 0b11, 017, 0o17, 1_000, .5, 1e3, 089]',
      { a: [1, -1, 31, 3, 15, 15, 1000, 0.5, 1000, 89] },
    ],
    [
      'texts that look like times',
      'a: [12:30, 2021-01-01, 0x12zz, _1]',
      { a: ['12:30', '2021-01-01', '0x12zz', '_1'] },
    ],
    ['quoted texts', `a: ["yes", '1', !!str 1]`, { a: ['yes', '1', '1'] }],
    ['the last of equal keys', 'a: 1\na: 2', { a: 2 }],
    [
      'merge keys in their order',
      'x: &x {a: 1, b: 2}\nz: {a: 3, <<: *x, b: 9}',
      { x: { a: 1, b: 2 }, z: { a: 1, b: 9 } },
    ],
    [
      'several merged maps, of which the first counts',
      'z: {<<: [{a: 1}, {a: 2, b: 2}]}',
      { z: { a: 1, b: 2 } },
    ],
    ['keys that are no texts', '1: a\ntrue: b', { 1: 'a', true: 'b' }],
    ['the first document', 'a: 1\n---\n}{', { a: 1 }],
    ['a document that ends', 'a: 1\n...\nb', { a: 1 }],
    ['a directive', '%YAML 1.1\n---\na: on', { a: true }],
    [
      "brackets that aren't indented",
      'a:\n  b: {\n"c": [\n1,\n\'}\', # ]\n2\n]\n}\nd: 1',
      { a: { b: { c: [1, '}', 2] } }, d: 1 },
    ],
    ['JSON with tabs', '{\n\t"a":\t1\n}', { a: 1 }],
    ['nothing', '', null],
    ['comments', '# a\n', null],
    ['a byte order mark', '\ufeffa: 1', { a: 1 }],
  ])('%s', (_, text, value) => expect(read(text)).toEqual(value));

  test('UTF-16, in both orders of bytes', () => {
    const little = Buffer.from('\ufeffa: é', 'utf16le');
    expect(readGoYaml(little)).toEqual({ a: 'é' });
    expect(readGoYaml(Buffer.from(little).swap16())).toEqual({ a: 'é' });
  });

  test.each([
    ['an unfinished bracket', 'a: [1', 'line 1'],
    ['a tab for indentation', 'a:\n\tb: 1', 'line 2'],
    ['an anchor in itself', 'a: &a [*a]', 'an anchor contains itself'],
    ['an alias without an anchor', 'a: *b', 'an alias has no anchor'],
  ])('but not %s', (_, text, message) => expect(() => read(text)).toThrow(message));

  test('nor bytes that are no text; no error quotes the file', () => {
    expect(() => readGoYaml(Uint8Array.of(0xff, 0x61))).toThrow('it is no text in UTF-8');
    expect(() => read('token: secret-token: x')).not.toThrow(/secret/);
  });
});
