import { describe, expect, test } from 'vitest';
import { cpuMilliseconds } from '../support/cpu-time.ts';
import { digestOf, find, imagesIn, pinText, podWith } from './pinning.ts';

const pod = (image: string) => podWith(`  - name: c\n    image: ${image}\n`);
const pinnedAs = (image: string) => image.replace(/:[^:]*$/, `@${digestOf(image)}`);

describe('an image is found, and nothing else changes, in', () => {
  test.each([
    ['a document with a byte order mark behind its ---', `${pod('x/a:0')}---\n\uFEFF${pod('x/b:1')}`],
    ['a document whose --- has a byte order mark before it', `${pod('x/a:0')}\uFEFF---\n${pod('x/b:1')}`],
    ['a line with a byte order mark', pod('x/b:1').replace('spec:', '\uFEFFspec:')],
    ['a file with a byte order mark', `\uFEFF${pod('x/b:1')}`],
    ['lines that end with CR and LF', pod('x/b:1').replaceAll('\n', '\r\n')],
    ['lines that end with CR alone', pod('x/b:1').replaceAll('\n', '\r')],
    ['a line below a comment that ends with CR alone', pod('x/b:1').replace('spec', '# no\rspec')],
    [
      'JSON objects back to back',
      `${JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1' })}{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"x/b:1"}]}}`,
    ],
    [
      'JSON objects in lines',
      `{"kind":"ConfigMap","apiVersion":"v1"}\n{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"x/b:1"}]}}\n`,
    ],
    [
      'what comes behind labels without values',
      `${pod('x/b:1')}metadata: {labels: {version: }, annotations: {a: null}}\n`,
    ],
    ['a container without a name', podWith('  - {name: , image: "x/b:1"}\n')],
    ['a list with a null in it', podWith('  - null\n  - image: x/b:1\n')],
    [
      'what comes behind a bracket in the column of its key',
      `${pod('x/b:1').replace('spec:', 'metadata:\n  annotations: {\n    a: b\n  }\n  labels: {\n  }\nspec:')}`,
    ],
    [
      'what comes behind a bracket further left',
      `${pod('x/b:1').replace('spec:', 'metadata:\n  annotations: {\na: "b"\n}\n  finalizers: [\n"a/b"\n]\nspec:')}`,
    ],
    [
      'brackets with tabs',
      `apiVersion: v1\nkind: Pod\nspec: {\n\tcontainers: [\n\t\t{image: "x/b:1"}\n\t]\n}\n`,
    ],
    ['a value behind a tab', pod('x/b:1').replaceAll(': ', ':\t')],
    ['double quotes', pod('"x/b:1"')],
    ['single quotes', pod("'x/b:1'")],
    ['quotes over two lines', podWith('  - image:\n\n     "x/b:1"\n    name: c\n')],
    ['a literal block', podWith('  - image: |-\n      x/b:1\n    name: c\n')],
    [
      'a literal block with CR and LF',
      podWith('  - image: |-\n      x/b:1\n    name: c\n').replaceAll('\n', '\r\n'),
    ],
    ['a folded block', podWith('  - image: >- # why not\n      x/b:1\n    name: c\n')],
    ['a key with a question mark', podWith('  - ? image\n    : x/b:1\n    name: c\n')],
    ['a key in quotes', podWith('  - "image": x/b:1\n')],
    ['a key with an escape', podWith('  - "im\\u0061ge": x/b:1\n')],
    ['a document with a directive', `%YAML 1.1\n---\n${pod('x/b:1')}`],
    ['a document behind a comment at its ---', `${pod('x/a:0')}--- # next\n${pod('x/b:1')}`],
    ['a document behind ...', `${pod('x/a:0')}...\n---\n${pod('x/b:1')}`],
    ['a document behind one in braces', `{kind: ConfigMap, apiVersion: v1}\n---\n${pod('x/b:1')}`],
    ['an indented document', `  ${pod('x/b:1').replaceAll(/\n(?=.)/g, '\n  ')}`],
    [
      'a list in the column of its key',
      'apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: x/b:1\n    args:\n    - a\n    name: c\n',
    ],
    ['a tagged value', pod('!!str x/b:1')],
    ['an anchored value', pod('&i x/b:1')],
    ['a value at an alias for a key', `x: &k image\n${podWith('  - *k : x/b:1\n')}`],
  ])('%s', (_what, text) => {
    const [image] = imagesIn(text).slice(-1);
    expect(find(text).mistakes).toEqual([]);
    expect(image?.[1]).toBe('x/b:1');
    const expected = text.replace('x/b:1', pinnedAs('x/b:1')).replace('x/a:0', pinnedAs('x/a:0'));
    expect(pinText(text)).toBe(expected);
  });
});

describe('of two values the one counts that kubectl takes:', () => {
  test.each([
    ['the last of a key', podWith('  - image: a:1\n    image: b:1\n')],
    ['a merge key behind a key', `x: &base {image: b:1}\n${podWith('  - image: a:1\n    <<: *base\n')}`],
    ['a key behind a merge key', `x: &base {image: a:1}\n${podWith('  - <<: *base\n    image: b:1\n')}`],
    ['a whole spec behind another', `${pod('a:1')}spec: {containers: [{image: "b:1"}]}\n`],
  ])('%s', (_what, text) => {
    expect(imagesIn(text).map(([, image]) => image)).toEqual(['b:1']);
  });
});

test('a key that occurs twice is named with its object, and nothing else suffers', () => {
  const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata:\n  a: 1\n  a: 2\n---\n${pod('x/b:1')}`;
  const { images, mistakes, warnings } = find(text);
  expect({ images: images.length, mistakes }).toEqual({ images: 1, mistakes: [] });
  expect(warnings).toEqual([
    {
      line: 6,
      column: 3,
      document: 1,
      object: expect.objectContaining({ kind: 'ConfigMap', name: 'conf' }),
      message: 'the key "a" is in its mapping before, and the last one counts; remove the others',
    },
  ]);
});

describe('what kubectl refuses is named with its object and a remedy, and other documents are read:', () => {
  test.each([
    ['an image that ends in a colon', pod('team/web:'), 6, 'put the value in quotes'],
    ['an image with a colon and a space', pod('team/web: 1'), 6, 'put the value in quotes'],
    ['a tab that indents', podWith('\t- image: a:1\n'), 5, "a tab can't indent; write spaces"],
    ['a quotation mark without a partner', pod('"a:1'), 6, 'add it'],
    ['a bracket without a partner', podWith('  - {image: a:1\n'), 5, 'add }'],
    ['a value that begins with @', pod('@a'), 6, 'put the value in quotes'],
    ['an indentation that fits nothing', podWith('  - name: a\n   image: b\n'), 6, 'correct its indentation'],
    [
      'a key without a colon',
      podWith('  - name: a\n    image\n'),
      6,
      'a colon and a space belong behind a key',
    ],
  ])('%s', (_what, broken, line, remedy) => {
    const text = `${broken.replace('spec:', 'metadata:\n  name: web\nspec:')}---\n${pod('x/b:1')}`;
    const { images, mistakes } = find(text);
    expect(mistakes).toMatchObject([
      {
        line: line + 2,
        document: 1,
        object: { kind: 'Pod', name: 'web' },
        message: expect.stringContaining(remedy),
      },
    ]);
    expect(images.map(({ document, field }) => [document, field.image])).toEqual([[2, 'x/b:1']]);
  });
});

test('time grows with the text alone', () => {
  const document = `---\n${pod('x/b:1')}`;
  const list = `apiVersion: v1\nkind: List\nitems:\n${`- ${pod('x/b:1').replaceAll(/\n(?=.)/g, '\n  ')}`.repeat(8_000)}`;
  expect(cpuMilliseconds(() => expect(find(document.repeat(8_000)).images).toHaveLength(8_000))).toBeLessThan(
    3_000,
  );
  expect(cpuMilliseconds(() => expect(find(list).images).toHaveLength(8_000))).toBeLessThan(3_000);
});
