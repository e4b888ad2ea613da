import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

/** Moto's server, which has AWS's APIs, such as ECR and STS. */
export interface Moto extends AsyncDisposable {
  readonly url: string;
}

const VERSION = '5.2.5';
const PACKAGES = [`moto==${VERSION}`, 'flask==3.1.3', 'flask-cors==6.0.5'];
const INSTALL_TIMEOUT_MS = 300_000;

const run = promisify(execFile);

/**
 * Starts moto, which is installed from PyPI the first time, into the user's cache.
 *
 * @returns why it can't start, on a machine without Python or PyPI. In CI that is an error.
 */
export async function startMoto(): Promise<Moto | { readonly missing: string }> {
  try {
    return await serve(await install());
  } catch (error) {
    if (process.env['CI']) throw error;
    const [reason = ''] = String(error instanceof Error ? error.message : error).split('\n', 1);
    return { missing: `moto ${VERSION} can't be had from PyPI: ${reason}` };
  }
}

/** The Python in which moto is installed. */
async function install(): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tagpin-test');
  const folder = join(cache, `moto-${VERSION}`);
  const python = join(folder, 'bin/python');
  if (existsSync(python)) return python;
  const building = `${folder}.${process.pid}`;
  mkdirSync(cache, { recursive: true });
  try {
    const options = { timeout: INSTALL_TIMEOUT_MS };
    await run('python3', ['-m', 'venv', building], options);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PACKAGES];
    await run(join(building, 'bin/python'), pip, options);
    // Renamed in one step, so that another run never finds a part of it. If another run was faster, use its copy.
    if (!existsSync(folder)) renameSync(building, folder);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  return python;
}

async function serve(python: string): Promise<Moto> {
  const child = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PYTHONUNBUFFERED: '1' },
  });
  for await (const line of createInterface(child.stderr)) {
    const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
    if (url === undefined) continue;
    // Keep reading, or it blocks once the pipe is full.
    child.stderr.resume();
    return {
      url,
      async [Symbol.asyncDispose]() {
        const exited = once(child, 'exit');
        if (child.kill()) await exited;
      },
    };
  }
  throw new Error('moto ended before it listened');
}
