import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { targetsOf } from '../../demo/webhook-configuration.ts';
import { freePort } from '../../test/support/listen.ts';
import { NAMESPACE, type Stage } from '../stage.ts';
import { adopt, end } from './process.ts';
import type { ReviewServer } from './server.ts';

const bundle = join(import.meta.dirname, '../../dist/tagpin.js');
/** What Node is told in the image. */
const [, entrypoint = ''] =
  /^ENTRYPOINT (.*)$/m.exec(readFileSync(join(import.meta.dirname, '../../Dockerfile'), 'utf8')) ?? [];
const imageOptions = z
  .array(z.string())
  .parse(JSON.parse(entrypoint))
  .filter((word) => word.startsWith('--'));
const POLL_MS = 2;
const READY_MS = 10_000;

export interface Tagpin extends ReviewServer, TagpinProcess {}

/** The bundle as it runs in its image, ready. */
export interface TagpinProcess extends AsyncDisposable {
  readonly pid: number;
  /** Milliseconds from the start of the process until it was ready. */
  readonly readyAfter: number;
  readonly healthPort: number;
}

export interface TagpinOptions {
  /** Where its configuration is put. */
  readonly folder: string;
  readonly kubeconfig: string;
  readonly port: number;
  readonly healthPort: number;
  /** The rest of its configuration. */
  readonly settings?: Readonly<Record<string, unknown>> & { readonly webhook?: object };
  /** What Node is told besides. */
  readonly nodeOptions?: readonly string[];
}

/**
 * Starts the bundle and waits until it is ready. Its log goes where a log costs it what it costs in a container, and
 * nobody else anything.
 */
export async function startTagpinProcess(options: TagpinOptions): Promise<TagpinProcess> {
  const {
    folder,
    kubeconfig,
    port,
    healthPort,
    settings: { webhook, ...settings } = {},
    nodeOptions = [],
  } = options;
  const config = join(folder, `${port}.yaml`);
  // JSON is YAML too
  writeFileSync(
    config,
    JSON.stringify({ webhook: { port, healthPort, drain: '0s', ...webhook }, ...settings }),
  );
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [...imageOptions, ...nodeOptions, bundle, 'serve', '--config', config, '--kubeconfig', kubeconfig],
    {
      stdio: ['ignore', openSync('/dev/null', 'w'), 'inherit'],
      env: { PATH: process.env['PATH'], NODE_ENV: 'production', POD_NAMESPACE: 'tagpin-system' },
    },
  );
  const pid = adopt(child);
  await ready(child, healthPort);
  return {
    pid,
    healthPort,
    readyAfter: performance.now() - started,
    [Symbol.asyncDispose]: () => end(child),
  };
}

/**
 * Starts the bundle on a stage, on free ports.
 *
 * @param settings the rest of its configuration
 */
export async function startTagpin(
  { folder, kubeconfig, api }: Stage,
  settings: Readonly<Record<string, unknown>> = {},
  nodeOptions: readonly string[] = [],
): Promise<Tagpin> {
  const [port, healthPort] = [await freePort(), await freePort()];
  const tagpin = await startTagpinProcess({
    folder,
    kubeconfig,
    port,
    healthPort,
    settings,
    nodeOptions,
  });
  const [target] = targetsOf(api, NAMESPACE, 'pods');
  if (target === undefined) throw new Error(`no webhook is for namespace ${NAMESPACE}`);
  return { ...target, ...tagpin, port };
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
