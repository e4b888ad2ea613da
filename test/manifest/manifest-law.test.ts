import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { pinned } from '../../src/image/reference.ts';
import { parseManifest } from '../../src/manifest/document.ts';
import { printLock, readLock, Written } from '../../src/manifest/lock.ts';
import { runs } from '../support/runs.ts';
import { digestOf, find, pinText, unpinText } from './pinning.ts';
import { manifestText } from './texts.ts';

/** What a text says, with everything that is said of it by another reader than ours. */
const meaningOf = (text: string): unknown[] =>
  parseAllDocuments(text, { merge: true }).map((document) => document.toJS());

/** The lock of all that pinning a text would pin, as it is read from its file. */
function lockOf(text: string) {
  const images = find(text).images.flatMap(({ decision }) =>
    decision.action === 'resolve' ? [decision.reference.original] : [],
  );
  return readLock(printLock(new Map(images.map((image) => [image, digestOf(image)]))), 'lock');
}

test('pinned and unpinned by its lock, a manifest is what it was, byte for byte', () => {
  fc.assert(
    fc.property(manifestText, fc.boolean(), (text, keepTag) => {
      const pinnedText = pinText(text, { keepTag });
      expect(unpinText(pinnedText, new Written(lockOf(text)))).toBe(text);
    }),
    runs(0.05),
  );
});

test('pinned, a manifest differs in nothing but its images', () => {
  fc.assert(
    fc.property(manifestText, (text) => {
      expect(parseManifest(text).mistakes).toEqual([]);
      const pins = new Map(
        find(text).images.flatMap(({ decision }): [string, string][] =>
          decision.action === 'resolve'
            ? [
                [
                  decision.reference.original,
                  pinned(decision.reference, digestOf(decision.reference.original)),
                ],
              ]
            : [],
        ),
      );
      const lines = pinText(text).split('\n');
      expect(lines).toHaveLength(text.split('\n').length);
      const changed = text.split('\n').filter((line, index) => line !== lines[index]);
      expect(changed.every((line) => [...pins.keys()].some((image) => line.includes(image)))).toBe(true);
      expect(find(pinText(text)).images.filter(({ decision }) => decision.action === 'resolve')).toEqual([]);
    }),
    runs(0.05),
  );
});

test('with a pull policy, a manifest says the same but for images and policies', () => {
  fc.assert(
    fc.property(manifestText, (text) => {
      const after = pinText(text, { pullPolicy: true });
      expect(parseManifest(after).mistakes).toEqual([]);
      expect(withoutImages(meaningOf(after))).toEqual(withoutImages(meaningOf(text)));
      const policies = find(after).images.map(({ field }) => field.pullPolicy);
      expect(policies.every((policy) => policy === 'IfNotPresent')).toBe(true);
    }),
    runs(0.05),
  );
});

/** What is left when images and policies are taken out of pods. */
function withoutImages(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutImages);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, part]) =>
      /^(image|reference|imagePullPolicy|pullPolicy)$/.test(key) && typeof part !== 'object'
        ? []
        : [[key, withoutImages(part)]],
    ),
  );
}
