import { execFile } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { openLogOutput } from '../../src/telemetry/log.ts';
import { makeFolder } from '../support/folder.ts';

const module = join(import.meta.dirname, '../../src/telemetry/log.ts');

test('lines are written in their order, soon', async () => {
  using folder = makeFolder();
  const file = join(folder.path, 'log');
  const descriptor = openSync(file, 'w');
  const output = openLogOutput(descriptor);
  for (const line of ['one\n', 'two\n', 'three\n']) output.write(line);
  await vi.waitFor(() => expect(readFileSync(file, 'utf8')).toBe('one\ntwo\nthree\n'));
  output.write('four\n');
  await vi.waitFor(() => expect(readFileSync(file, 'utf8')).toBe('one\ntwo\nthree\nfour\n'));
  closeSync(descriptor);
});

test.each([
  ['ends of itself', ''],
  ['is told to exit', 'process.exit(0)'],
  ['fails', 'throw new Error("broken")'],
  ['fails in the midst of writing', 'await new Promise(setImmediate); throw new Error("broken")'],
])('no line is lost by a process that %s', async (_how, end) => {
  const lines = Array.from({ length: 2_000 }, (_, number) => `line ${number}`);
  const program = `
    const { openLogOutput } = await import(${JSON.stringify(module)});
    const output = openLogOutput();
    for (let number = 0; number < ${lines.length}; number++) output.write('line ' + number + '\\n');
    ${end}`;
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  expect(stdout.trimEnd().split('\n')).toEqual(lines);
});
