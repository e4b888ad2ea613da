import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { z } from 'zod';
import { clusterVariable, noCluster } from './support/cluster.ts';
import { run, succeed } from './support/command.ts';

const root = join(import.meta.dirname, '..');
const vitest = (verb: string) => [
  process.execPath,
  join(root, 'node_modules/vitest/vitest.mjs'),
  verb,
  '--config',
  'e2e/vitest.config.ts',
];

/** The file with the outcome of each test. */
export const reportFile = join(root, '.results/e2e.json');

/** Runs the tests on this process's terminal. Returns the exit code. */
export async function runTests(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const [program = '', ...rest] = [...vitest('run'), ...args];
  const child = spawn(program, rest, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code] = await once(child, 'exit');
  return typeof code === 'number' ? code : 1;
}

/** The names of the tests that these arguments select, without running them. */
export async function listTests(args: readonly string[]): Promise<string[]> {
  const command = [...vitest('list'), '--json', '--no-static-parse', '--no-isolate', ...args];
  const list = await succeed(run(command, { cwd: root, env: { [clusterVariable]: noCluster } }));
  return z
    .array(z.object({ name: z.string() }))
    .parse(JSON.parse(list))
    .map(({ name }) => name);
}
