import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Digest, sha256 } from '../../src/image/digest.ts';
import { LATEST, type Pins, pinKeys, readPins, storePins } from '../../src/revision/pins.ts';
import { runs } from '../support/runs.ts';

const now = Date.parse('2026-01-02T03:04:05.678Z');
const time = now.toString(36);
const [one, two] = [sha256('one'), sha256('two')];
const pins = (digest: Digest | null): Pins => new Map([['web:1', digest]]);
const text = (digest: Digest | null) => JSON.stringify({ 'web:1': digest });

/** Annotations after a change. */
const changed = (annotations: Record<string, string>, changes: Readonly<Record<string, string | null>>) =>
  Object.fromEntries(
    Object.entries({ ...annotations, ...changes }).filter(
      (entry): entry is [string, string] => entry[1] !== null,
    ),
  );

describe('stored pins', () => {
  test('are under the hash and the time they were stored at, in base 36', () => {
    expect(storePins({}, 'abc', pins(one), now)).toEqual({ [`pins.tagpin.dev/abc.${time}`]: text(one) });
  });

  test('are sorted by image, so that equal pins read equal', () => {
    const changes = storePins(
      {},
      'abc',
      new Map([
        ['b', one],
        ['a', two],
      ]),
      now,
    );
    expect(Object.values(changes)).toEqual([JSON.stringify({ a: two, b: one })]);
  });

  test('displace older ones of the same hash, under a newer key', () => {
    const annotations = { 'pins.tagpin.dev/abc.100': text(two), other: 'x' };
    const after = changed(annotations, storePins(annotations, 'abc', pins(one), now));
    expect(after).toEqual({ [`pins.tagpin.dev/abc.${time}`]: text(one), other: 'x' });
  });

  test('are newer than any other of the hash, whatever the clock says', () => {
    const later = (now + 3_600_000).toString(36);
    const annotations = { [`pins.tagpin.dev/abc.${later}`]: text(two) };
    const after = changed(annotations, storePins(annotations, 'abc', pins(one), now));
    expect(readPins({ ...after, ...annotations }, 'abc')).toEqual(pins(one));
  });

  test('are newer although the clock has jumped back since', () => {
    const stored = changed({}, storePins({}, 'abc', pins(two), now));
    const after = changed(stored, storePins(stored, 'abc', pins(one), now - 3_600_000));
    expect(readPins({ ...after, ...stored }, 'abc')).toEqual(pins(one));
  });

  test.each([
    ['the last that can be followed', LATEST - 1],
    ['the last that there can be', LATEST],
    ['later than any', LATEST + 1],
    ['beyond whole numbers', Number.MAX_SAFE_INTEGER - 1],
  ])('can be read although a person has written a key whose time is %s', (_, latest) => {
    const annotations = { [`pins.tagpin.dev/abc.${latest.toString(36)}`]: text(two) };
    const after = changed(annotations, storePins(annotations, 'abc', pins(one), now));
    expect(readPins(after, 'abc')).toEqual(pins(one));
    expect(Object.keys(after)).toHaveLength(1);
    expect(readPins(changed(after, storePins(after, 'abc', pins(two), now)), 'abc')).toEqual(pins(two));
  });

  test('of two that were stored at once, all read the same', () => {
    const before = { 'pins.tagpin.dev/abc.100': text(null) };
    const both = [storePins(before, 'abc', pins(one), now), storePins(before, 'abc', pins(two), now + 1)];
    const orders = [both, [...both].reverse()].map((changes) => changes.reduce(changed, before));
    expect(orders.map((annotations) => readPins(annotations, 'abc'))).toEqual([pins(two), pins(two)]);
  });

  test('leave those of other revisions alone', () => {
    const annotations = { 'pins.tagpin.dev/def.100': text(two) };
    expect(changed(annotations, storePins(annotations, 'abc', pins(one), now))).toMatchObject(annotations);
  });

  test('are not stored again where they are', () => {
    const annotations = changed({}, storePins({}, 'abc', pins(one), now));
    expect(storePins(annotations, 'abc', pins(one), now + 5_000)).toEqual({});
  });

  test('are stored above the copies that the owner has of other ones', () => {
    const own = { 'pins.tagpin.dev/abc.100': text(one) };
    const copies = { [`pins.tagpin.dev/abc.${(now + 9).toString(36)}`]: text(two) };
    const after = changed(own, storePins(own, 'abc', pins(one), now, copies));
    expect(readPins({ ...after, ...copies }, 'abc')).toEqual(pins(one));
  });
});

describe('pins are read', () => {
  test('from the newest key of the hash', () => {
    const annotations = {
      'pins.tagpin.dev/abc.zz': text(one),
      'pins.tagpin.dev/abc.100': text(two),
      'pins.tagpin.dev/def.200': text(two),
    };
    expect(readPins(annotations, 'abc')).toEqual(pins(two));
  });

  test('with null for what could not be resolved', () => {
    expect(readPins({ 'pins.tagpin.dev/abc.1': text(null) }, 'abc')).toEqual(pins(null));
  });

  test('of a hash that has dots', () => {
    expect(readPins({ 'pins.tagpin.dev/a.b.1': text(one) }, 'a.b')).toEqual(pins(one));
    expect(readPins({ 'pins.tagpin.dev/a.b.1': text(one) }, 'a')).toBeUndefined();
  });

  test.each([
    ['no JSON', { 'pins.tagpin.dev/abc.2': '{' }],
    ['a list', { 'pins.tagpin.dev/abc.2': '["web:1"]' }],
    ['a number for a digest', { 'pins.tagpin.dev/abc.2': '{"web:1":1}' }],
    ['no time', { 'pins.tagpin.dev/abc': text(two) }],
    ['a time in capitals', { 'pins.tagpin.dev/abc.ZZ': text(two) }],
    ['a time that nobody could follow', { 'pins.tagpin.dev/abc.zzzzzzzzzzzz': text(two) }],
    ['another prefix', { 'pin.tagpin.dev/abc.2': text(two) }],
  ])('around a key with %s', (_, annotations) => {
    expect(readPins({ 'pins.tagpin.dev/abc.1': text(one), ...annotations }, 'abc')).toEqual(pins(one));
  });

  test('with null for a digest that is none', () => {
    expect(readPins({ 'pins.tagpin.dev/abc.1': '{"web:1":"sha256:abc"}' }, 'abc')).toEqual(pins(null));
  });
});

test('every key of stored pins is found, whosever it is', () => {
  const annotations = { 'pins.tagpin.dev/abc.1': '', 'pins.tagpin.dev/junk': '', 'tagpin.dev/images': '' };
  expect(pinKeys(annotations)).toEqual(['pins.tagpin.dev/abc.1', 'pins.tagpin.dev/junk']);
});

const hash = fc.constantFrom('a', 'b', 'c', 'own');
const digests = fc.constantFrom(one, two, null);
const somePins = fc
  .array(fc.tuple(fc.stringMatching(/^[a-z]{1,5}(:[a-z0-9]{1,3})?$/), digests))
  .map((all) => new Map(all));
const annotationsArbitrary = fc.dictionary(
  fc.oneof(fc.string(), fc.stringMatching(/^pins\.tagpin\.dev\/[a-c]\.[0-9a-z]{1,9}$/)),
  fc.oneof(
    fc.string(),
    somePins.map((all) => JSON.stringify(Object.fromEntries(all))),
  ),
);

test('property: what is stored is what is read, also when older copies come back', () => {
  fc.assert(
    fc.property(annotationsArbitrary, hash, somePins, fc.nat(), (before, key, wanted, at) => {
      const after = changed(before, storePins(before, key, wanted, at));
      expect(readPins(after, key)).toEqual(wanted);
      expect(readPins({ ...after, ...before }, key)).toEqual(wanted);
    }),
    runs(),
  );
});
