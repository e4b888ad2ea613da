import { describe, expect, test } from 'vitest';
import { fits, patchAnnotations } from '../../src/pin/json-patch.ts';

describe('the API server takes annotations', () => {
  const changes = { name: 'value' };
  const room = 256 * 1024 - 'name'.length - 'value'.length - 'big'.length;

  test('of 256 KiB together, names and values', () => {
    expect(fits({ big: 'x'.repeat(room) }, changes)).toBe(true);
    expect(fits({ big: 'x'.repeat(room + 1) }, changes)).toBe(false);
  });
  test('counted in bytes', () => expect(fits({ big: 'é'.repeat(room / 2 + 1) }, changes)).toBe(false));
  test('without those that go', () => {
    expect(fits({ big: 'x'.repeat(room + 1) }, { ...changes, big: null })).toBe(true);
  });
});

describe('a change of annotations', () => {
  test('adds them where there are none', () => {
    expect(patchAnnotations(undefined, { 'a/b': 'x', gone: null })).toEqual([
      { op: 'add', path: '/metadata/annotations', value: { 'a/b': 'x' } },
    ]);
  });
  test('is one operation each where there are some, names escaped', () => {
    expect(patchAnnotations({ 'c~d': 'y' }, { 'a/b': 'x', 'c~d': null })).toEqual([
      { op: 'add', path: '/metadata/annotations/a~1b', value: 'x' },
      { op: 'remove', path: '/metadata/annotations/c~0d' },
    ]);
  });
  test('removes nothing that is not there', () => {
    expect(patchAnnotations({}, { gone: null })).toEqual([]);
    expect(patchAnnotations(null, { gone: null })).toEqual([]);
  });
});
