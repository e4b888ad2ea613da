import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

test.each(['README.md', 'docs/how-it-works.md', 'docs/operations.md'])('the links of %s lead to files', (file) => {
  const links = [...read(file).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link = '']) => link);
  expect(links).not.toEqual([]);
  expect(links.filter((link) => !existsSync(join(root, dirname(file), link)))).toEqual([]);
});

describe('the drawing', () => {
  const drawing = read('docs/how-it-works.svg');
  const [, light = '', dark = ''] =
    /<style>(.*?)@media \(prefers-color-scheme: dark\) \{(.*?)<\/style>/s.exec(drawing) ?? [];
  /** Which of the classes set which colours. */
  const colours = (style: string) =>
    [...style.matchAll(/^ *(\S+) \{(.*)\}$/gm)].flatMap(([, selector = '', rules = '']) =>
      [...rules.matchAll(/(fill|stroke): #/g)].map(([, property]) => `${selector} ${property}`),
    );

  test('has a colour in the dark wherever it has one in the light', () => {
    expect(colours(light)).not.toEqual([]);
    expect(colours(dark)).toEqual(colours(light));
  });

  test('needs nothing from elsewhere', () => {
    expect(drawing.match(/https?:[^"]*|url\((?!#)[^)]*\)|href=[^ ]*|<script|@import|@font-face/g)).toEqual([
      'http://www.w3.org/2000/svg',
    ]);
  });
});
