import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { archive } from '../../release/archive.ts';
import { makeFolder } from '../support/folder.ts';

const files = [
  { name: 'tagpin', bytes: Buffer.from('a program'), mode: 0o755 },
  { name: 'LICENSE', bytes: Buffer.alloc(513, 'x'), mode: 0o644 },
  { name: 'empty', bytes: Buffer.alloc(0), mode: 0o644 },
];

test('tar reads an archive, with names, modes and content', () => {
  using folder = makeFolder();
  const file = join(folder.path, 'tagpin.tar.gz');
  writeFileSync(file, archive(files));
  const listed = execFileSync('tar', ['-tvzf', file], {
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC' },
  });
  expect(
    listed
      .trim()
      .split('\n')
      .map((line) => line.replace(/\s+/g, ' ')),
  ).toEqual([
    '-rwxr-xr-x 0/0 9 1970-01-01 00:00 tagpin',
    '-rw-r--r-- 0/0 513 1970-01-01 00:00 LICENSE',
    '-rw-r--r-- 0/0 0 1970-01-01 00:00 empty',
  ]);
  const content = execFileSync('tar', ['-xOzf', file, 'LICENSE'], { encoding: 'utf8' });
  expect(content).toBe('x'.repeat(513));
});

test('equal files make equal archives', () => {
  expect(archive(files)).toEqual(archive(files));
});

test('a name that would be cut off is refused', () => {
  const file = { name: 'x'.repeat(101), bytes: Buffer.alloc(0), mode: 0o644 };
  expect(() => archive([file])).toThrow('too long for an archive');
});
