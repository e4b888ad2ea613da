import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { tail } from './command.ts';
import { type UntilOptions, until } from './until.ts';

export interface Daemon {
  readonly name: string;
  readonly logFile: string;
  /** Undefined if it couldn't be started. */
  readonly pid: number | undefined;
  /** Resolves when `probe` returns a value. Rejects with the end of the log if the daemon ends first, or on a timeout. */
  ready<Value>(probe: (log: string) => Promise<Value | undefined>, options?: UntilOptions): Promise<Value>;
  /** Ends it with SIGTERM, and after five seconds with SIGKILL. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface DaemonOptions {
  readonly name: string;
  readonly command: readonly string[];
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a program in the background, with its output in a file. It doesn't keep this process from exiting. */
export function startDaemon({ name, command, logFile, env = {} }: DaemonOptions): Daemon {
  const [program = '', ...args] = command;
  const log = openSync(logFile, 'a');
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  child.unref();
  let end: string | undefined;
  const ended = Promise.withResolvers<void>();
  child.on('error', (error) => {
    end ??= error.message;
    ended.resolve();
  });
  child.on('exit', (code, signal) => {
    end ??= signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
    ended.resolve();
  });
  const readLog = () => readFileSync(logFile, 'utf8');
  const stop = async () => {
    if (end !== undefined) return;
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await ended.promise;
    clearTimeout(force);
  };
  return {
    name,
    logFile,
    pid: child.pid,
    ready: (probe, options) =>
      until(
        `${name} to be ready`,
        () => {
          if (end === undefined) return probe(readLog());
          throw new Error(`${name} ${end}; the end of its log:\n${tail(readLog())}`);
        },
        { seen: () => `the end of its log:\n${tail(readLog())}`, ...options },
      ),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
