import { spawn } from 'node:child_process';

/** The result of a program. A code other than 0 doesn't throw; see {@link succeed}. */
export interface Result {
  readonly command: string;
  readonly stdout: string;
  readonly stderr: string;
  /** -1 if a signal ended it or it couldn't be started. */
  readonly code: number;
}

export interface RunOptions {
  readonly input?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** When aborted, ends the program and its children. */
  readonly signal?: AbortSignal;
}

/** Runs a program to its end. Never rejects: the result has any error. */
export function run(command: readonly string[], options: RunOptions = {}): Promise<Result> {
  const [program = '', ...args] = command;
  const { signal } = options;
  const { promise, resolve } = Promise.withResolvers<Result>();
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    // A process group of its own, so that it can be ended with its children.
    detached: true,
  });
  const end = () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL');
  signal?.addEventListener('abort', end);
  if (signal?.aborted) end();
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const finish = (code: number, note = '') => {
    signal?.removeEventListener('abort', end);
    resolve({ command: command.join(' '), stdout, stderr: stderr + note, code });
  };
  child.on('error', (error) => finish(-1, error.message));
  child.on('close', (code, killedBy) => finish(code ?? -1, killedBy === null ? '' : `ended by ${killedBy}`));
  // A program that ends before it has read its input is judged by its exit code, not by the broken pipe.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input);
  return promise;
}

/** Returns what the program printed, without the last line end. Throws an error with its output if it failed. */
export async function succeed(running: Promise<Result>): Promise<string> {
  const { command, stdout, stderr, code } = await running;
  if (code === 0) return stdout.trimEnd();
  throw new Error(`${command}\nfailed with code ${code}:\n${tail(stderr || stdout)}`);
}

/** The last lines of a log. */
export function tail(text: string, lines = 25): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
