import { describe, expect, test } from 'vitest';
import { applyJsonPatch, JsonPatchError, jsonPatch } from './json-patch.ts';

const document = { list: ['a', 'b'], object: { 'a/b': 1, 'c~d': 2 }, empty: null };

function patched(operation: unknown): unknown {
  return applyJsonPatch(document, jsonPatch.parse([operation]));
}

describe('what fits', () => {
  test.each([
    [
      { op: 'add', path: '/new', value: 1 },
      { ...document, new: 1 },
    ],
    [
      { op: 'add', path: '/empty', value: 1 },
      { ...document, empty: 1 },
    ],
    [
      { op: 'add', path: '/list/1', value: 'x' },
      { ...document, list: ['a', 'x', 'b'] },
    ],
    [
      { op: 'add', path: '/list/2', value: 'x' },
      { ...document, list: ['a', 'b', 'x'] },
    ],
    [
      { op: 'add', path: '/list/-', value: 'x' },
      { ...document, list: ['a', 'b', 'x'] },
    ],
    [
      { op: 'replace', path: '/list/0', value: 'x' },
      { ...document, list: ['x', 'b'] },
    ],
    [
      { op: 'replace', path: '/object/a~1b', value: 3 },
      { ...document, object: { 'a/b': 3, 'c~d': 2 } },
    ],
    [
      { op: 'remove', path: '/object/c~0d' },
      { ...document, object: { 'a/b': 1 } },
    ],
    [
      { op: 'remove', path: '/list/0' },
      { ...document, list: ['b'] },
    ],
    [{ op: 'test', path: '/object', value: { 'c~d': 2, 'a/b': 1 } }, document],
    [{ op: 'replace', path: '', value: 7 }, 7],
  ])('%j', (operation, expected) => expect(patched(operation)).toEqual(expected));
});

describe('what does not fit', () => {
  test.each([
    { op: 'replace', path: '/missing', value: 1 },
    { op: 'remove', path: '/missing' },
    { op: 'test', path: '/missing', value: 1 },
    { op: 'add', path: '/missing/child', value: 1 },
    { op: 'add', path: '/empty/child', value: 1 },
    { op: 'add', path: '/list/3', value: 1 },
    { op: 'replace', path: '/list/2', value: 1 },
    { op: 'replace', path: '/list/-', value: 1 },
    { op: 'add', path: '/list/01', value: 1 },
    { op: 'add', path: '/list/0/x', value: 1 },
    { op: 'remove', path: '/object/constructor' },
    { op: 'test', path: '/list', value: ['b', 'a'] },
    { op: 'add', path: 'list', value: 1 },
  ])('%j', (operation) => expect(() => patched(operation)).toThrow(JsonPatchError));
});

test.each([
  { op: 'add', path: '/new' },
  { op: 'move', path: '/new', from: '/list' },
  { op: 'replace', value: 1 },
])('%j is no operation', (operation) => expect(jsonPatch.safeParse([operation]).success).toBe(false));

test('operations work on what those before them made', () => {
  const operations = jsonPatch.parse([
    { op: 'add', path: '/made', value: {} },
    { op: 'add', path: '/made/child', value: true },
  ]);
  expect(applyJsonPatch({}, operations)).toEqual({ made: { child: true } });
});

test('the document given is left alone', () => {
  const before = structuredClone(document);
  patched({ op: 'remove', path: '/list/0' });
  expect(document).toEqual(before);
});

test('a key called __proto__ is a key like any other', () => {
  const result = patched({ op: 'add', path: '/__proto__', value: { polluted: true } });
  expect(Object.keys(Object(result))).toContain('__proto__');
});
