import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { said } from './secrets/record.ts';

const main = join(import.meta.dirname, '../../src/main.ts');

/** The result of a command. */
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

/** An environment without logins, whatever the developer's own has. */
const nobody = {
  HOME: '/nonexistent',
  DOCKER_CONFIG: '',
  REGISTRY_AUTH_FILE: '',
  XDG_RUNTIME_DIR: '',
  KUBECONFIG: '',
};

/** Starts `tagpin …args` as a process, with an empty standard input by default. */
export function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input?: string,
): Command {
  const started = performance.now();
  const child = spawn(process.execPath, [main, ...args], {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...nobody, ...env },
  });
  child.stdin?.on('error', () => undefined).end(input);
  const finish = async (): Promise<Result> => {
    const [stdout, stderr] = await Promise.all([read(child.stdout), read(child.stderr), once(child, 'exit')]);
    said(`tagpin ${args[0] ?? ''}`, `${stdout}\n${stderr}`);
    return { code: child.exitCode, stdout, stderr, milliseconds: performance.now() - started };
  };
  return { child, result: finish() };
}

const read = (stream: Readable | null) => (stream === null ? '' : text(stream));

/** Runs `tagpin …args` to its end. */
export const tagpin = (args: readonly string[], env?: Readonly<Record<string, string>>, input?: string) =>
  start(args, env, input).result;

/** Far less than what hangs would take, and more than a busy machine takes to end a process. */
const AT_ONCE_MS = 5_000;

/**
 * Starts `tagpin …args`, and interrupts it as Ctrl-C does once `isAsked`, or so many milliseconds later.
 *
 * @throws if it doesn't end at once
 */
export async function interrupted(
  args: readonly string[],
  isAsked: () => boolean,
  later = 0,
): Promise<Omit<Result, 'milliseconds'>> {
  const { child, result } = start(args);
  while (!isAsked() && child.exitCode === null) await delay(20);
  await delay(later);
  const sent = performance.now();
  child.kill('SIGINT');
  const { code, stdout, stderr } = await result;
  const took = performance.now() - sent;
  if (took > AT_ONCE_MS) throw new Error(`it ended only ${Math.round(took)} ms after it was interrupted`);
  return { code, stdout, stderr };
}
