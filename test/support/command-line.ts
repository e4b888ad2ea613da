import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { said } from './secrets/record.ts';

const main = join(import.meta.dirname, '../../src/main.ts');

/** What a command left behind. */
export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
}

/** `tagpin …` while it runs. */
export interface Command {
  readonly child: ChildProcess;
  readonly result: Promise<Result>;
}

/** Nobody is logged in anywhere, whoever runs the tests. */
const nobody = {
  HOME: '/nonexistent',
  DOCKER_CONFIG: '',
  REGISTRY_AUTH_FILE: '',
  XDG_RUNTIME_DIR: '',
  KUBECONFIG: '',
};

/** Starts `tagpin …args` as a process of its own. */
export function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Command {
  const started = performance.now();
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...nobody, ...env },
  });
  const finish = async (): Promise<Result> => {
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    said(`tagpin ${args[0] ?? ''}`, `${stdout}\n${stderr}`);
    return { code: child.exitCode, stdout, stderr, milliseconds: performance.now() - started };
  };
  return { child, result: finish() };
}

/** Runs `tagpin …args` to its end. */
export const tagpin = (args: readonly string[], env?: Readonly<Record<string, string>>) =>
  start(args, env).result;
