import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { targetsOf } from '../../demo/webhook-configuration.ts';
import { freePort } from '../../test/support/listen.ts';
import { NAMESPACE, type Stage } from '../stage.ts';
import { adopt, end } from './process.ts';
import type { ReviewServer } from './server.ts';

const bundle = join(import.meta.dirname, '../../dist/tagpin.js');
const POLL_MS = 2;
const READY_MS = 10_000;

export interface Tagpin extends ReviewServer, AsyncDisposable {
  /** Milliseconds from the start of the process until it was ready. */
  readonly readyAfter: number;
  readonly healthPort: number;
}

/**
 * Starts the bundle as it runs in its image, on free ports, and waits until it is ready. Its log goes where a log costs
 * it what it costs in a container, one write for each line, and nobody else anything.
 *
 * @param settings the rest of its configuration
 */
export async function startTagpin(
  stage: Stage,
  settings: Readonly<Record<string, unknown>> = {},
  nodeOptions: readonly string[] = [],
): Promise<Tagpin> {
  const [port, healthPort] = [await freePort(), await freePort()];
  const config = join(stage.folder, `${port}.yaml`);
  // JSON is YAML too
  writeFileSync(config, JSON.stringify({ webhook: { port, healthPort, drain: '0s' }, ...settings }));
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [...nodeOptions, bundle, 'serve', '--config', config, '--kubeconfig', stage.kubeconfig],
    {
      stdio: ['ignore', openSync('/dev/null', 'w'), 'inherit'],
      env: { PATH: process.env['PATH'], NODE_ENV: 'production', POD_NAMESPACE: 'tagpin-system' },
    },
  );
  const pid = adopt(child);
  await ready(child, healthPort);
  const readyAfter = performance.now() - started;
  const [target] = targetsOf(stage.api, NAMESPACE, 'pods');
  if (target === undefined) throw new Error(`no webhook is for namespace ${NAMESPACE}`);
  return { ...target, pid, port, healthPort, readyAfter, [Symbol.asyncDispose]: () => end(child) };
}

async function ready(child: ChildProcess, healthPort: number): Promise<void> {
  const until = performance.now() + READY_MS;
  while (performance.now() < until && child.exitCode === null) {
    const response = await fetch(`http://127.0.0.1:${healthPort}/readyz`).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.status === 200) return;
    await delay(POLL_MS);
  }
  await end(child);
  throw new Error(`tagpin isn't ready after ${READY_MS / 1000} s; is there a bundle (npm run build)?`);
}
