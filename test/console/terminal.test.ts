import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify, stripVTControlCharacters } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { openTerminal, progressText } from '../../src/console/terminal.ts';
import { tagpin } from '../support/command-line.ts';
import { startRegistry } from '../support/registry/registry.ts';

/** A terminal of 80 columns, as far as a stream is one: what is on its last line can be taken back. */
class Screen extends Writable {
  readonly isTTY: boolean;
  readonly columns: number;
  text = '';
  /** What stands on the line where the cursor is. */
  line = '';

  constructor(isTTY = true, columns = 80) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
    this.columns = columns;
  }

  override _write(chunk: unknown, _encoding: BufferEncoding, done: () => void) {
    this.text += String(chunk);
    this.line = (this.line + stripVTControlCharacters(String(chunk))).split('\n').at(-1) ?? '';
    done();
  }

  clearLine() {
    this.line = '';
    return true;
  }

  cursorTo() {
    return true;
  }

  moveCursor() {
    return true;
  }
}

// ora takes a terminal in CI for one that nobody watches.
vi.stubEnv('CI', undefined);
vi.stubEnv('TERM', 'xterm');

const work = { counted: 'images resolved', total: 3 };
const PATIENCE = 1_300;

describe('progress', () => {
  test('is shown when it takes over a second, and taken back when it is over', async () => {
    const screen = new Screen();
    const progress = openTerminal(screen, screen, false).progress(work);
    progress.begin('nginx');
    progress.begin('redis');
    progress.finish('nginx');
    await delay(500);
    expect(screen.text).toBe('');
    await vi.waitFor(
      () => expect(screen.line).toMatch(/1 of 3 images resolved, .*\/s; waiting for redis$/),
      5_000,
    );
    progress[Symbol.dispose]();
    expect(screen.line).toBe('');
  });

  test('is never shown for what is quick', async () => {
    const screen = new Screen();
    openTerminal(screen, screen, false).progress(work)[Symbol.dispose]();
    await delay(PATIENCE);
    expect(screen.text).toBe('');
  });

  test('is never shown where nobody watches', async () => {
    const pipe = new Screen(false);
    using _ = openTerminal(pipe, pipe, false).progress(work);
    await delay(PATIENCE);
    expect(pipe.text).toBe('');
  });

  test('gives way to what is written, and comes back below it', async () => {
    const screen = new Screen();
    const terminal = openTerminal(screen, screen, false);
    using _ = terminal.progress(work);
    await vi.waitFor(() => expect(screen.line).toContain('0 of 3'), 5_000);
    const written = screen.text.length;
    terminal.out('sha256:abc\n');
    await vi.waitFor(() => expect(screen.line).toContain('0 of 3'), 5_000);
    expect(stripVTControlCharacters(screen.text.slice(written))).toMatch(/^sha256:abc\n/);
  });

  test('is never shown where a terminal has no width', async () => {
    const screen = new Screen(true, 0);
    using _ = openTerminal(screen, screen, false).progress(work);
    await delay(PATIENCE);
    expect(screen.text).toBe('');
  });
});

test.each([
  [{ counted: 'objects read' }, 1234, 400.4, ['pods'], '1234 objects read, 400/s; waiting for pods'],
  [work, 1, 0.52, [], '1 of 3 images resolved, 0.5/s'],
  [work, 0, 0, ['a', 'b', 'c'], '0 of 3 images resolved, 0/s; waiting for a and 2 more'],
  [work, 0, 0, ['a\u001B[2Jb'], '0 of 3 images resolved, 0/s; waiting for a\\u{1b}[2Jb'],
])('progress reads %#', (of, count, rate, waiting, text) => {
  expect(progressText(of, count, rate, waiting)).toBe(text);
});

/** Runs it on a terminal of its own (util-linux `script`), for all that is shown there. */
async function onTerminal(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const main = join(import.meta.dirname, '../../src/main.ts');
  const command = ['stty cols 80;', process.execPath, main, ...args].join(' ');
  const { CI: _, NO_COLOR: __, ...environment } = process.env;
  const running = promisify(execFile)('script', ['-qec', command, '/dev/null'], {
    env: { ...environment, HOME: '/nonexistent', TERM: 'xterm', ...env },
  });
  const { stdout } = await running.catch((error: { stdout: string }) => error);
  return stdout;
}

const ESCAPE = '\u001B';
const SEQUENCE = new RegExp(`${ESCAPE}\\[([?0-9;]*)([A-Za-z])|([^${ESCAPE}])`, 'gsu');

/** What is left on a screen of 80 columns once all of it has been shown. */
function leftOf(shown: string): string {
  const lines: string[][] = [[]];
  let [row, column] = [0, 0];
  const line = () => {
    const cells = lines[row] ?? [];
    lines[row] = cells;
    return cells;
  };
  for (const [, numbers = '', command, character = ''] of shown.matchAll(SEQUENCE)) {
    const number = Number.parseInt(numbers, 10) || 0;
    if (command === 'A') row = Math.max(0, row - (number || 1));
    else if (command === 'G') column = (number || 1) - 1;
    else if (command === 'K') line().splice(number === 2 ? 0 : column);
    else if (character === '\r') column = 0;
    else if (character === '\n') row += 1;
    else if (character !== '') {
      if (column === 80) [row, column] = [row + 1, 0];
      line()[column++] = character;
    }
  }
  return Array.from(lines, (cells = []) => Array.from(cells, (cell = ' ') => cell).join('')).join('\n');
}

test('on a real terminal, resolve shows what it waits for, and leaves nothing of that', async () => {
  await using registry = await startRegistry();
  registry.fault = { outcome: 'hang' };
  const image = `${registry.host}/app:1`;
  const args = ['resolve', '--timeout', '4s', image];
  const shown = await onTerminal(args);
  expect(shown).toContain(`0 of 1 images resolved, 0/s; waiting for ${image}`);
  expect(leftOf(shown).replaceAll('\n', '')).toBe(
    `${image}: the registry didn't answer in time; ` +
      'try again; if it persists, look at the registry and the network between',
  );
  expect(shown).toContain(`${ESCAPE}[36m`);
  expect(await onTerminal(args, { NO_COLOR: '1' })).not.toContain(`${ESCAPE}[36m`);
}, 60_000);

test('in a pipe, nothing is shown but what is written', async () => {
  await using registry = await startRegistry();
  registry.fault = { outcome: 'hang' };
  const { stderr } = await tagpin(['resolve', '--timeout', '3s', `${registry.host}/app:1`]);
  expect(stderr.split('\n')).toHaveLength(2);
});
