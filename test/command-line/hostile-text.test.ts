import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { printJson } from '../../src/json.ts';
import { printable, printableLines } from '../../src/printable.ts';
import { escapeHtml } from '../../src/report/escape.ts';
import { printTable } from '../../src/report/table.ts';
import { tagpin } from '../support/command-line.ts';
import { makeFolder } from '../support/folder.ts';

/** What a terminal, a log or GitHub's runner would obey, as strangers may have it in their manifests. */
const HOSTILE =
  'x/y:1\n::error file=a.yaml::fooled\u001b[31m\u202e##[error]fooled\u0085\u2028\u2066::set-output name=a::b\r::stop';
const OBEYED = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|^\s*::[a-z]|##\[/imu;
const withoutLineEnds = (text: string) => text.split('\n').filter((line) => line !== '');

const isHarmless = (text: string) =>
  expect(withoutLineEnds(text).filter((line) => OBEYED.test(line))).toEqual([]);

describe('hostile text is harmless, and still legible, in', () => {
  test.each([
    ['a line', printable(HOSTILE)],
    ['lines', printableLines(HOSTILE)],
    ['a table', printTable(['A', 'B'], [[HOSTILE, HOSTILE]])],
    ['a page', escapeHtml(HOSTILE)],
    ['JSON', printJson({ [HOSTILE]: HOSTILE })],
  ])('%s', (_where, text) => {
    isHarmless(text);
    expect(text).toContain('fooled');
  });
});

test('JSON says what it was', () => {
  expect(JSON.parse(printJson({ a: HOSTILE }))).toEqual({ a: HOSTILE });
});

const quoted = JSON.stringify(HOSTILE);
const object = (image: string) =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${quoted}}\nspec: {containers: [{name: ${quoted}, image: ${image}}]}\n`;
const files: Readonly<Record<string, string>> = {
  'image.yaml': object(quoted),
  'tag.yaml': object('nowhere.invalid/a:1'),
  'kind.yaml': `apiVersion: ${quoted}\nkind: ${quoted}\nspec: {image: "a:1"}\n`,
  'twice.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${quoted}}\ndata: {${quoted}: a, ${quoted}: b}\n`,
  'number.yaml': object('1.5'),
  'broken.yaml': `apiVersion: v1\nkind: Pod\nmetadata:\n  name: ${quoted}\nx: *${HOSTILE.slice(0, 5)}\u001b\n`,
  '::error::\u001b##[error].yaml': object('A'),
};

describe('a file with hostile text makes no harmful output of', () => {
  test.each([
    ['pin'],
    ['pin', '-o', 'json'],
    ['pin', '--check'],
    ['pin', '--check', '-o', 'json'],
    ['pin', '--frozen', '--lock', 'tagpin.lock'],
  ])('%s %s %s', async (...args) => {
    using folder = makeFolder({ ...files, 'tagpin.lock': 'version: 1\nimages: {}\n' });
    const named = readdirSync(folder.path)
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => join(folder.path, name));
    const given = args.filter(Boolean).map((arg) => (arg === 'tagpin.lock' ? join(folder.path, arg) : arg));
    const { stdout, stderr } = await tagpin([...given, '--timeout', '2s', ...named]);
    isHarmless(stderr);
    // Manifests are printed as they are.
    if (args.includes('json') || args.includes('--check')) isHarmless(stdout);
    expect(stdout + stderr).toContain('fooled');
  });

  test.each([
    ['a lock', ['--lock']],
    ['field specs', ['--field-specs']],
  ])('%s', async (_what, [option = '']) => {
    using folder = makeFolder({
      'bad.yaml': `version: ${quoted}\nimages: {${quoted}: ${quoted}}\n`,
      'a.yaml': object('a:1'),
    });
    const { code, stderr } = await tagpin([
      'pin',
      option,
      join(folder.path, 'bad.yaml'),
      join(folder.path, 'a.yaml'),
    ]);
    expect(code).toBe(2);
    isHarmless(stderr);
  });

  test('its own arguments', async () => {
    for (const args of [
      ['resolve', HOSTILE],
      ['pin', HOSTILE],
      ['audit', '-n', HOSTILE],
      ['preflight', HOSTILE],
    ]) {
      isHarmless((await tagpin(args)).stderr);
    }
  });
});
