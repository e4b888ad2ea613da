import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/image/digest.ts';
import { InvalidLock, printLock, readLock, Written } from '../../src/manifest/lock.ts';
import { runs } from '../support/runs.ts';

const [one, two] = [sha256('one'), sha256('two')];
const header = 'version: 1\nimages:\n';

test('has one line an image, sorted, behind its version', () => {
  const text = printLock(
    new Map([
      ['redis:7', two],
      ['nginx:1.27', one],
    ]),
  );
  expect(text.split('\n').slice(1)).toEqual([
    'version: 1',
    'images:',
    `  "nginx:1.27": ${one}`,
    `  "redis:7": ${two}`,
    '',
  ]);
});

test('read again, says what was written', () => {
  const image = fc
    .tuple(
      fc.stringMatching(/^[a-z0-9]{1,8}(\/[a-z0-9]{1,8}){0,2}$/),
      fc.stringMatching(/^(:[A-Za-z0-9_]{1,5})?$/),
    )
    .map((parts) => parts.join(''));
  const lock = fc.dictionary(image, fc.string().map(sha256)).map((images) => new Map(Object.entries(images)));
  fc.assert(
    fc.property(lock, (written) => {
      expect(readLock(printLock(written), 'lock')).toEqual(written);
    }),
    runs(0.1),
  );
});

test('merged by lines in any order, counts equal ones once', () => {
  const text = `${header}  redis:7: ${two}\n  "nginx:1.27": ${one}\n  "redis:7": ${two}\n`;
  expect([...readLock(text, 'lock')]).toEqual([
    ['redis:7', two],
    ['nginx:1.27', one],
  ]);
});

describe('a mistake is named with its line:', () => {
  test.each([
    ['a merge conflict', `${header}<<<<<<< ours\n  a: ${one}\n`, 'line 3: a merge conflict'],
    ['two digests of an image', `${header}  a: ${one}\n  a: ${two}\n`, 'line 4: another digest of "a"'],
    ['what is no digest', `${header}  a: ${one}\n  b: sha256:1\n`, 'line 4: it is no digest'],
    ['what is no image', `${header}  A: ${one}\n`, 'line 3: an image by tag belongs here'],
    ['an image by digest', `${header}  a@${one}: ${one}\n`, 'line 3: an image by tag belongs here'],
    ['another version', 'version: 2\nimages: {}\n', 'version: this tagpin reads version 1'],
    ['something else', 'just text\n', 'version:'],
    ['images that are missing', 'version: 1\n', 'images: write below it a line for each image, such as "'],
    ['images that are a list', 'version: 1\nimages: [a]\n', 'images: write below it a line for each image'],
    ['an image without a digest', `${header}  a:\n`, 'line 3: it is no digest'],
    ['no YAML', 'a: [\n', "line 1: the bracket [ isn't closed"],
  ])('%s', (_what, text, message) => {
    expect(() => readLock(text, 'tagpin.lock')).toThrow(InvalidLock);
    expect(() => readLock(text, 'tagpin.lock')).toThrow(message);
    expect(() => readLock(text, 'tagpin.lock')).not.toThrow('Invalid input');
  });
});

test('knows what an image by digest was, with its tag or without', () => {
  const written = new Written(
    new Map([
      ['nginx:1.27', one],
      ['nginx:1.27.4', one],
      ['redis', two],
    ]),
  );
  expect(written.of(`redis@${two}`)).toEqual(['redis']);
  expect(written.of(`nginx@${one}`)).toEqual(['nginx:1.27', 'nginx:1.27.4']);
  expect(written.of(`nginx:1.27@${one}`)).toEqual(['nginx:1.27']);
  expect(written.of(`nginx@${two}`)).toEqual([]);
});
