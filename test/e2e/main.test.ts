import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Result, run } from '../../e2e/support/command.ts';

const script = join(import.meta.dirname, '../../e2e/main.ts');
let cache: string;

beforeAll(() => {
  cache = mkdtempSync(join(tmpdir(), 'tagpin-e2e-test-'));
});
afterAll(() => rmSync(cache, { recursive: true }));

/** On a machine that has nothing built and no Go to build with. */
const withoutGo = (env: Readonly<Record<string, string>>, ...args: string[]): Promise<Result> =>
  run([process.execPath, script, ...args], {
    env: { PATH: dirname(process.execPath), XDG_CACHE_HOME: cache, KUBEBUILDER_ASSETS: '', ...env },
  });

describe('npm run e2e, where no cluster can be started', () => {
  test('names every test, says why, counts them as skipped, and succeeds', async () => {
    const { code, stdout } = await withoutGo({ CI: '' });
    const named = stdout.split('\n').filter((line) => line.startsWith('skipped: '));
    expect(named).toContain(
      'skipped: a pod in a namespace with enforce > on :latest with policy Always runs by digest, pulled IfNotPresent',
    );
    expect(stdout).toContain("The tests can't run here: ");
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(`0 passed, 0 failed, ${named.length} skipped`);
    expect(code).toBe(0);
  });

  test('fails in CI, where none of the selected tests may be skipped', async () => {
    const { code, stdout } = await withoutGo({ CI: 'true' }, 'e2e/tests/pin.test.ts');
    expect(stdout.trimEnd()).toMatch(/0 passed, [1-9]\d* failed, 0 skipped$/);
    expect(code).toBe(1);
  });

  test('tells how it is used when it is not', async () => {
    const { code, stdout } = await run([process.execPath, script, '--help']);
    expect(stdout).toContain('--kind');
    expect(code).toBe(0);
  });
});
