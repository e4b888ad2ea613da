import { describe, expect, test } from 'vitest';
import { Overlap, splice } from '../../src/manifest/splice.ts';
import { digestOf, pinText, podWith } from './pinning.ts';

const digest = digestOf('nginx:1.27');

describe('an image is written the way it was', () => {
  test.each([
    ['plain', '  - image: nginx:1.27\n'],
    ['plain, with a comment', '  - image: nginx:1.27 # nginx:1.27 of June\n'],
    ['in double quotes', '  - image: "nginx:1.27"\n'],
    ['in single quotes', "  - image: 'nginx:1.27'\n"],
    ['in braces', '  - {name: web, image: nginx:1.27}\n'],
    ['as JSON', '  - {"name":"web","image":"nginx:1.27"}\n'],
    ['on a line of its own', '  - image:\n      nginx:1.27\n'],
    ['as a literal block', '  - image: |-\n      nginx:1.27\n    name: web\n'],
    ['as a literal block that a comment heads', '  - image: |- # was nginx:1.27\n      nginx:1.27\n'],
    ['as a folded block', '  - image: >-\n      nginx:1.27\n\n    name: web\n'],
    ['with an anchor', '  - image: &image nginx:1.27\n'],
    ['with a tag', '  - image: !!str nginx:1.27\n'],
    ['behind a question mark', '  - ? image\n    : nginx:1.27\n'],
    ['at the end of a text without a last line end', '  - image: nginx:1.27'],
    ['with Windows line ends', '  - image: nginx:1.27\r\n    name: web\r\n'],
  ])('%s', (_how, fields) => {
    const text = podWith(fields);
    const at = text.lastIndexOf(
      'nginx:1.27',
      text.indexOf(' of June') === -1 ? undefined : text.indexOf(' #'),
    );
    const expected = `${text.slice(0, at)}nginx@${digest}${text.slice(at + 'nginx:1.27'.length)}`;
    expect(pinText(text)).toBe(expected);
  });

  test.each([
    ['its escapes', '  - image: "\\x6eginx:1.27"\n'],
    ['a line break that counts for nothing', '  - image: "nginx\\\n      :1.27"\n'],
  ])('in quotes, without %s', (_what, fields) => {
    expect(pinText(podWith(fields))).toBe(podWith(`  - image: "nginx@${digest}"\n`));
  });

  test('behind a byte order mark', () => {
    const text = `\uFEFF${podWith('  - image: nginx:1.27\n')}`;
    expect(pinText(text)).toBe(text.replace('nginx:1.27', `nginx@${digest}`));
  });
});

describe('a pull policy that is not there is written behind the image, laid out as that', () => {
  const pinned = `nginx@${digest}`;
  test.each([
    [
      'below it',
      '  - name: web\n    image: nginx:1.27\n    ports: []\n',
      `  - name: web\n    image: ${pinned}\n    imagePullPolicy: IfNotPresent\n    ports: []\n`,
    ],
    [
      'behind its comment',
      '  - image: nginx:1.27 # here\n    name: web\n',
      `  - image: ${pinned} # here\n    imagePullPolicy: IfNotPresent\n    name: web\n`,
    ],
    [
      "below a list's dash",
      '  -   image: nginx:1.27\n',
      `  -   image: ${pinned}\n      imagePullPolicy: IfNotPresent\n`,
    ],
    [
      'at the end of the text',
      '  - image: nginx:1.27',
      `  - image: ${pinned}\n    imagePullPolicy: IfNotPresent`,
    ],
    [
      'with Windows line ends',
      '  - image: nginx:1.27\r\n    name: web\r\n',
      `  - image: ${pinned}\r\n    imagePullPolicy: IfNotPresent\r\n    name: web\r\n`,
    ],
    [
      'below a block',
      '  - image: |-\n      nginx:1.27\n    name: web\n',
      `  - image: |-\n      ${pinned}\n    imagePullPolicy: IfNotPresent\n    name: web\n`,
    ],
    [
      'below a key that has an anchor',
      '  - &key image: nginx:1.27\n',
      `  - &key image: ${pinned}\n    imagePullPolicy: IfNotPresent\n`,
    ],
    [
      'below a key with a question mark',
      '  - ? image\n    : nginx:1.27\n',
      `  - ? image\n    : ${pinned}\n    imagePullPolicy: IfNotPresent\n`,
    ],
    [
      'in quotes where the key has them',
      '  - "image": nginx:1.27\n',
      `  - "image": ${pinned}\n    "imagePullPolicy": "IfNotPresent"\n`,
    ],
    [
      'within braces',
      '  - {image: nginx:1.27, name: web}\n',
      `  - {image: ${pinned}, imagePullPolicy: IfNotPresent, name: web}\n`,
    ],
    [
      'as JSON',
      '  - {\n      "image": "nginx:1.27",\n      "name": "web"\n    }\n',
      `  - {\n      "image": "${pinned}",\n      "imagePullPolicy": "IfNotPresent",\n      "name": "web"\n    }\n`,
    ],
    [
      'as JSON, at the end of the object',
      '  - {\n      "name": "web",\n      "image": "nginx:1.27"\n    }\n',
      `  - {\n      "name": "web",\n      "image": "${pinned}",\n      "imagePullPolicy": "IfNotPresent"\n    }\n`,
    ],
  ])('%s', (_where, fields, expected) => {
    expect(pinText(podWith(fields), { pullPolicy: true })).toBe(podWith(expected));
  });

  test('nowhere in a list without braces, where it would be a container of its own', () => {
    const text = 'apiVersion: v1\nkind: Pod\nspec: {containers: [image: nginx:1.27]}\n';
    expect(pinText(text, { pullPolicy: true })).toBe(text.replace('nginx:1.27', pinned));
  });

  test('of an image volume, under its name there', () => {
    const text = 'apiVersion: v1\nkind: Pod\nspec:\n  volumes:\n  - image:\n      reference: nginx:1.27\n';
    expect(pinText(text, { pullPolicy: true })).toBe(
      `${text.replace('nginx:1.27', pinned)}      pullPolicy: IfNotPresent\n`,
    );
  });
});

describe('a pull policy that is there is replaced', () => {
  test.each([
    ['plain', '    imagePullPolicy: Always # why\n', '    imagePullPolicy: IfNotPresent # why\n'],
    ['in quotes', '    imagePullPolicy: "Always"\n', '    imagePullPolicy: "IfNotPresent"\n'],
    ['with nothing', '    imagePullPolicy:\n', '    imagePullPolicy: IfNotPresent\n'],
    ['with null', '    imagePullPolicy: null\n', '    imagePullPolicy: IfNotPresent\n'],
  ])('%s', (_how, before, after) => {
    const image = '  - image: nginx:1.27\n';
    expect(pinText(podWith(image + before), { pullPolicy: true })).toBe(
      podWith(image.replace('nginx:1.27', `nginx@${digest}`) + after),
    );
  });
});

test('edits are applied in the order of the text, and once if they are given twice', () => {
  const edits = [
    { start: 4, end: 5, text: 'E' },
    { start: 0, end: 1, text: 'A' },
    { start: 4, end: 5, text: 'E' },
  ];
  expect(splice('abcdef', edits)).toBe('AbcdEf');
});

test('edits that do not agree are refused', () => {
  const edits = [
    { start: 0, end: 2, text: 'x' },
    { start: 1, end: 3, text: 'y' },
  ];
  expect(() => splice('abc', edits)).toThrow(Overlap);
});
