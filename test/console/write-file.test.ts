import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { makeFolder as makeMissing, writeWhole } from '../../src/console/write-file.ts';
import { makeFolder } from '../support/folder.ts';

describe('folders', () => {
  test('are made with those they are in', () => {
    using folder = makeFolder();
    writeWhole(join(folder.path, 'a/b/c.yaml'), 'x: 1\n');
    expect(readFileSync(join(folder.path, 'a/b/c.yaml'), 'utf8')).toBe('x: 1\n');
  });

  test('that are there stay', () => {
    using folder = makeFolder({ 'a/b.yaml': '' });
    makeMissing(join(folder.path, 'a'));
    expect(existsSync(join(folder.path, 'a/b.yaml'))).toBe(true);
  });

  test.each(['file', 'file/below'])('can’t be made at %s, which is a file or below one', (path) => {
    using folder = makeFolder({ file: '' });
    expect(() => makeMissing(join(folder.path, path))).toThrow(/EEXIST|ENOTDIR/);
    expect(statSync(join(folder.path, 'file')).isFile()).toBe(true);
  });

  test.skipIf(!existsSync('/proc/self'))('can’t be made in /proc, which is said at once', () => {
    expect(() => makeMissing('/proc/tagpin')).toThrow(
      "ENOENT: no such file or directory, mkdir '/proc/tagpin'",
    );
    expect(() => makeMissing('/proc/tagpin/below')).toThrow("mkdir '/proc/tagpin'");
  });
});

test('a named pipe gets the content, and stays one', async () => {
  using folder = makeFolder();
  const pipe = join(folder.path, 'pipe');
  execFileSync('mkfifo', [pipe]);
  // Ends by itself where nobody writes.
  const read = text(spawn('timeout', ['10', 'cat', pipe]).stdout);
  writeWhole(pipe, 'x: 1\n');
  expect(statSync(pipe).isFIFO()).toBe(true);
  expect(await read).toBe('x: 1\n');
});
